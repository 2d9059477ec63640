"""prefault_kit.host.extras: what an installation lacks is told with the command that brings it."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from prefault_kit.host import extras

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
PACKAGES = {"PIL": "pillow"}
"""Names of packages that are not those that they are imported by."""


@pytest.mark.parametrize("module", extras.EXTRAS)
def test_each_package_is_in_its_extra(module: str) -> None:
    """What the kit names is what pyproject.toml has."""
    listed = PROJECT["optional-dependencies"][extras.EXTRAS[module]]
    names = {re.split(r"[>=\[]", each)[0] for each in listed}
    assert PACKAGES.get(module, module) in names


def test_what_is_lacking_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages by name, and the extra that has them all."""
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if sys.modules.get(name, 1) is None else name
    )
    assert extras.missing("it", "jinja2", "no_such_package") is None
    for name in ("jinja2", "ipywidgets"):
        monkeypatch.setitem(sys.modules, name, None)
    found = extras.missing("it", "jinja2")
    assert found is not None
    assert found.reason == "it needs jinja2, which this installation does not have"
    assert found.command == "pip install 'prefault-kit[review]'"
    with pytest.raises(ImportError, match=r"it needs jinja2, ipywidgets, .*prefault-kit\[lab\]"):
        extras.need("it", "jinja2", "ipywidgets")

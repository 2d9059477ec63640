"""The examples in docstrings: every public name has one, and what it prints is true."""

import doctest
import importlib
import pkgutil
import types

import pytest

import prefault_kit

CONSTANTS = {"PAGE_SIZE_BYTES"}
"""Names that have no docstring of their own."""
MODULES = [
    each.name
    for each in pkgutil.walk_packages(prefault_kit.__path__, "prefault_kit.")
    if not each.name.endswith(("__main__", "native._prefault", "native.build"))
]


@pytest.mark.parametrize("name", sorted(set(prefault_kit.__all__) - CONSTANTS))
def test_every_public_name_has_an_example(name: str) -> None:
    """Its docstring shows how it is used."""
    assert ">>> " in (getattr(prefault_kit, name).__doc__ or "")


def test_help_begins_with_what_one_can_do() -> None:
    """help(prefault_kit) names the calls before anything else, and has an example."""
    text = prefault_kit.__doc__ or ""
    for word in (
        "populate_read",
        "usage()",
        "run(Experiment",
        "preallocate(",
        "prefault(",
        "explorer()",
    ):
        assert word in text
    assert ">>> " in text


@pytest.mark.parametrize("name", ["prefault_kit", *MODULES])
def test_examples_are_true(name: str) -> None:
    """What an example says it prints is what it prints."""
    module: types.ModuleType = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0

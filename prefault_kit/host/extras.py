"""Packages that an installation may lack, and the extra of this kit that brings each."""

from __future__ import annotations

import importlib.util

from prefault_kit.host.unavailable import Unavailable

EXTRAS = {
    "bokeh": "review",
    "jinja2": "review",
    "ipywidgets": "lab",
    "jupyter_bokeh": "lab",
    "traitlets": "lab",
    "matplotlib": "lab",
    "PIL": "lab",
    "distributed": "fleet",
}
"""By the name that a package is imported by; the extras are those of pyproject.toml."""


def missing(what: str, *modules: str) -> Unavailable | None:
    """Why ``what`` cannot run for want of a package, and the command that brings it.

    >>> missing("this", "sys") is None
    True
    """
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    extras = {EXTRAS[name] for name in lacking}
    extra = "lab" if "lab" in extras else extras.pop()
    return Unavailable(
        f"{what} needs {', '.join(lacking)}, which this installation does not have",
        f"pip install 'prefault-kit[{extra}]'",
    )


def need(what: str, *modules: str) -> None:
    """ImportError in a sentence unless the packages are there."""
    if lacking := missing(what, *modules):
        raise ImportError(f"{lacking.reason}: {lacking.command}")

"""The site's source: what is written in ``docs/``, and pages made of notebooks, promises, recorded
kernels and commands. To Sphinx it is an extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    from docs.extension import charts, commands, tables

    app.connect("html-page-context", charts.load)
    app.connect("doctree-resolved", tables.name_cells)
    app.connect("sphinx-click-process-description", commands.plain)
    app.connect("sphinx-click-process-options", commands.typed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The source of the site in one directory, and Sphinx, which makes pages of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.extension import (
    charts,
    commands,
    exercises,
    kernels,
    messages,
    notebooks,
    promises,
    times,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
INCLUDED = {
    "README.md": "_readme.md",
    "CHANGELOG.md": "_changelog.md",
    "data/README.md": "_data.md",
}
"""Files from outside of ``docs/`` that pages include, and their names there; of names that begin
with an underscore no page is made."""
OPTIONS = ("--builder=html", "--jobs=auto", "--quiet", "--fail-on-warning")


def write(source: Path) -> None:
    """Write all that Sphinx reads into an empty directory."""
    for path in DOCS.rglob("*"):
        if path.suffix in (".md", *notebooks.STILL_AND_MOVING):
            _copy(path, source / path.relative_to(DOCS))
    for name, here in INCLUDED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        (source / here).write_text(text.replace("](docs/", "](/"), encoding="utf-8")
    for made in (notebooks, promises, kernels, commands, messages, exercises, times, charts):
        for name, content in made.pages().items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def build(passing: Path, site: Path) -> int:
    """Make the site, by way of an empty directory; the exit status of Sphinx.

    A site that was there before is replaced once the new one is complete.
    """
    source, pages = passing / "source", passing / "pages"
    write(source)
    places = ("-c", str(DOCS), "-d", str(passing / "doctrees"), str(source), str(pages))
    if status := build_main([*OPTIONS, *places]):
        return status
    (pages / "_sources").rmdir()  # of sources that are not copied
    (pages / "_static" / charts.BOKEH).write_text(charts.bokeh(), encoding="utf-8")
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(pages, site)
    return 0


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)

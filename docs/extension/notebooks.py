"""Notebooks as pages, with their stored outputs.

A notebook ``NN-name.ipynb`` is a page of the part whose ``index.md`` names it, at the address
``part/name.html``: without its number, which may change.
"""

from __future__ import annotations

import base64
import functools
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from docs.extension import charts

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
DOCS = ROOT / "docs"
WIDGET = "application/vnd.jupyter.widget-view+json"
SUFFIXES = {"image/png": "png", "image/svg+xml": "svg"}
STILL_AND_MOVING = (".png", ".gif")
"""Endings of the pictures in ``docs/``."""
SCREENS = {"latency probe": "watch", "table of kernels": "kernels"}
"""The pictures of screens that are not called as their screen is."""


@functools.cache
def places() -> dict[str, str]:
    """The address of each notebook by its file's name, without an ending.

    ValueError for a notebook that no part names.
    """
    parts = {
        name: index.parent.name
        for index in sorted(DOCS.glob("*/index.md"))
        for block in re.findall(r"```\{toctree\}(.*?)```", index.read_text(), re.S)
        for name in block.split()
    }
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        name = path.stem.partition("-")[2]
        if name not in parts:
            raise ValueError(
                f"{path.name} is on no page: name it in the index.md of a part of docs/"
            )
        found[path.stem] = f"{parts[name]}/{name}"
    return found


def pages() -> dict[str, str | bytes]:
    """The notebooks and their pictures, by the names of their files."""
    made: dict[str, str | bytes] = {}
    for stem, place in places().items():
        notebook, pictures = page(nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4), place)
        made[f"{place}.ipynb"] = nbformat.writes(notebook)
        made |= pictures
    return made


def page(notebook: NotebookNode, place: str) -> tuple[NotebookNode, dict[str, bytes]]:
    """A notebook as its page shows it, and its pictures by the names of their files.

    Links lead to pages, a picture has its words, and a live screen becomes its picture. What was
    recorded has its charts.
    """
    pictures: dict[str, bytes] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((\d\d-[\w-]+)\.ipynb\)", _link, cell.source)
        shown = []
        live = charts.of_cell(cell.source) if cell.cell_type == "code" else ""
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data:
                continue
            kind = next((each for each in SUFFIXES if each in data), None)
            if picture := _screen(data.get("text/plain", "")):
                output = _markdown(_picture(*picture))
            elif kind:
                name = f"pictures/{Path(place).name}-{len(pictures) + 1}.{SUFFIXES[kind]}"
                text = data[kind]
                pictures[name] = text.encode() if kind.endswith("xml") else base64.b64decode(text)
                still = _picture(name, data["text/plain"])
                output = _markdown(charts.beside(still, live) if live else still)
                live = ""
            shown.append(output)
        if live:
            shown.append(_markdown(live))
        if cell.cell_type == "code":
            cell.outputs = shown
    return notebook, pictures


def _link(link: re.Match[str]) -> str:
    return f"(/{places()[link[1]]}.ipynb)"


def _screen(words: str) -> tuple[str, str] | None:
    """The picture of the screen that an output stands for, and its words, if there is one."""
    found = re.match(r"The ([\w ]+) runs in JupyterLab", words)
    if not found:
        return None
    stem = SCREENS.get(found[1], found[1])
    for name in (f"{stem}{ending}" for ending in STILL_AND_MOVING):
        if (DOCS / name).exists():
            return name, f"The {found[1]}, as it looks in JupyterLab"
    return None


def _picture(name: str, words: str) -> str:
    """A file, with what it shows in words."""
    plain = re.sub(r"([\[\]\\`*_|<>$])", r"\\\1", " ".join(words.split()))
    return f"![{plain}](/{name})"


def _markdown(text: str) -> NotebookNode:
    return nbformat.v4.new_output("display_data", data={"text/markdown": text})


@functools.cache
def checked() -> dict[str, list[str]]:
    """The promises that notebooks check, as patterns of ids, by the address of the notebook."""
    found = {}
    for stem, place in places().items():
        cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        calls = re.findall(r"\bpromised\(([^)]*)\)", code)
        found[place] = [name for call in calls for name in re.findall(r'"([^"]+)"', call)]
    return found

"""Build the readable copy: ``python -m tests.site DIRECTORY [NOTEBOOK...]``.

Every notebook, or each that is named, is executed and becomes a page that opens from disk without a
server, a network or a script. The notebooks themselves stay as they are.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from prefault_kit import host
from prefault_kit.memory.sizes import format_bytes
from tests.refresh import executed

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs"
WIDGET = "application/vnd.jupyter.widget-view+json"
INDEX = "index.html"


@dataclass(frozen=True)
class Page:
    """A notebook and the page that it becomes."""

    path: Path

    @property
    def file(self) -> str:
        """The page's name."""
        return f"{self.path.stem}.html"

    @property
    def cover(self) -> tuple[str, str]:
        """The title, which is a question, and the first paragraph."""
        first = nbformat.read(self.path, as_version=4).cells[0].source
        title, _, rest = first.partition("\n")
        return title.removeprefix("# "), rest.strip().split("\n\n")[0]


class Readable(Preprocessor):  # type: ignore[misc]  # nbconvert has no types
    """Adapt a notebook to a page: links lead to pages, and a live widget becomes its picture."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """See the class."""
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((\d\d-[\w-]+)\.ipynb\)", r"(\1.html)", cell.source)
        if "outputs" in cell:
            cell.outputs = [shown for each in cell.outputs if (shown := _still(each))]
        return cell, resources


def _still(output: NotebookNode) -> NotebookNode | None:
    """What a page shows of an output: what stands there while a screen is not live as the screen's
    picture, where there is one, and widgets not at all."""
    data = output.get("data", {})
    words = data.get("text/plain", "")
    if WIDGET in data:
        return None
    screen = re.match(r"The (\w+) runs in JupyterLab", words)
    if screen and (picture := PICTURES / f"{screen[1]}.png").exists():
        words = f"The {screen[1]}, as it looks in JupyterLab."
        output.data = NotebookNode({"image/png": base64.b64encode(picture.read_bytes()).decode()})
    if "image/png" in output.get("data", {}):
        output.metadata = NotebookNode({"image/png": NotebookNode({"alt": words})})
    return output


def _exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="site",
        extra_template_basedirs=[str(ROOT / "docs")],
        preprocessors=[Readable],
        embed_images=True,
    )


def _write(
    notebook: NotebookNode, target: Path, title: str, nav: Sequence[tuple[str, str]]
) -> None:
    notebook.metadata["title"] = title
    html, _ = _exporter().from_notebook_node(notebook, {"nav": nav})
    target.write_text(html, encoding="utf-8")


def _index(pages: Sequence[Page]) -> NotebookNode:
    facts = host.facts()
    lines = [
        "# A laboratory for page prefaulting",
        "",
        "Each page is a notebook in which cells show what the text claims. They were executed on "
        f"Linux {facts['kernel']}, {facts['cpu']}, {facts['cpus']} processors, "
        f"{format_bytes(int(facts['memory_bytes']))} of memory, pages of "
        f"{format_bytes(int(facts['page_size_bytes']))}.",
        "",
    ]
    for page in pages:
        title, summary = page.cover
        lines += [f"## [{title}]({page.path.stem}.html)", "", summary, ""]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("\n".join(lines))])


def build(target: Path, paths: Sequence[Path]) -> None:
    """Write a page for each notebook, and the index, into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    pages = [Page(path) for path in paths]
    for number, page in enumerate(pages):
        print(page.path.name, flush=True)
        around = [
            (f"{word}: {other[0].cover[0]}", other[0].file)
            for word, other in (
                ("Before", pages[max(0, number - 1) : number]),
                ("Next", pages[number + 1 : number + 2]),
            )
            if other
        ]
        title = page.cover[0]
        _write(executed(page.path), target / page.file, title, [("All notebooks", INDEX), *around])
    _write(_index(pages), target / INDEX, "Page prefaulting", [])


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[2:]]
    build(Path(sys.argv[1]), named or sorted((ROOT / "notebooks").glob("*.ipynb")))

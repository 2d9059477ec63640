"""docs.extension.notebooks: a notebook becomes a page, and stays as it is."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from docs.extension import notebooks
from prefault_kit.screens.widgets import parts

PICTURE = base64.b64encode(b"a picture").decode()


def of_outputs(*outputs: dict[str, object]) -> NotebookNode:
    """A notebook whose only cell has shown these."""
    shown = [nbformat.v4.new_output("display_data", each) for each in outputs]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=shown)])


def markdown(notebook: NotebookNode) -> list[str]:
    """What the outputs of its first cell are on the page."""
    return [each.data["text/markdown"] for each in notebook.cells[0].outputs]


def test_every_notebook_has_a_place_without_its_number() -> None:
    """In a part of the site, and no two are at one address."""
    places = notebooks.places()
    assert set(places) == {path.stem for path in notebooks.NOTEBOOKS.glob("*.ipynb")}
    assert len(set(places.values())) == len(places)
    assert not [place for place in places.values() if re.search(r"/\d", place)]


def test_a_notebook_without_a_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says where to name it."""
    (tmp_path / "99-nowhere.ipynb").write_text("{}")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    with pytest.raises(ValueError, match=r"99-nowhere\.ipynb is on no page: name it in"):
        notebooks.places.__wrapped__()


def test_links_lead_to_pages() -> None:
    """A link to a notebook leads to its page, whatever part that is in."""
    cell = nbformat.v4.new_markdown_cell("[Errors](06-errors-instead-of-sigbus.ipynb)")
    page, _ = notebooks.page(nbformat.v4.new_notebook(cells=[cell]), "start/x")
    assert page.cells[0].source == "[Errors](/lessons/errors-instead-of-sigbus.ipynb)"


@pytest.mark.parametrize(
    ("screen", "picture"),
    [
        *((name, f"{name}.png") for name in ("explorer", "device", "trial")),
        *((name, f"{name}.gif") for name in ("playground", "review")),
        ("table of kernels", "kernels.png"),
        ("latency probe", "watch.png"),
    ],
)
def test_every_screen_is_its_own_picture(screen: str, picture: str) -> None:
    """A page shows the one that the notebook shows, and of what loads Bokeh nothing."""
    page = parts.Page(screen)
    idle = {"text/html": f"<div>{page.idle}</div>", "text/plain": page.idle}
    live = {notebooks.WIDGET: {}, "text/plain": repr(page)}
    loading = {notebooks.WIDGET: {}, "text/plain": "Output()"}
    shown, pictures = notebooks.page(of_outputs(loading, idle, live), "lessons/x")
    assert markdown(shown) == [f"![The {screen}, as it looks in JupyterLab](/{picture})"]
    assert pictures == {}  # it is one of docs/


def test_a_scene_stays_a_question() -> None:
    """It has no picture, and its text says where it can be touched."""
    page = parts.Page("scene", "Touch it: which of the two takes a fault?")
    idle = {"text/html": f"<div>{page.idle}</div>", "text/plain": page.idle}
    shown, _ = notebooks.page(of_outputs(idle), "lessons/x")
    assert [each.data for each in shown.cells[0].outputs] == [idle]


def test_a_picture_is_a_file_with_its_words() -> None:
    """Bitmaps and drawings, numbered within their page; what Markdown would read stays text."""
    bitmap = {"image/png": PICTURE, "text/plain": "512 pages:\n512 | [not] present"}
    drawing = {"image/svg+xml": "<svg/>", "text/plain": "wall time"}
    shown, pictures = notebooks.page(of_outputs(bitmap, drawing), "lessons/x")
    assert pictures == {"pictures/x-1.png": b"a picture", "pictures/x-2.svg": b"<svg/>"}
    assert markdown(shown) == [
        r"![512 pages: 512 \| \[not\] present](/pictures/x-1.png)",
        "![wall time](/pictures/x-2.svg)",
    ]


def test_what_notebooks_check_is_known() -> None:
    """By the patterns in their cells."""
    assert notebooks.checked()["lessons/read-and-write"] == ["read-*", "write-*"]

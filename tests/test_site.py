"""tests.site: pages that open from disk and load nothing."""

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from prefault_kit.screens.widgets import parts
from tests import site

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
EXPLORER = "01-explorer.ipynb"
BUILT = (EXPLORER, "08-three-ways-to-ask.ipynb")
"""One with a widget; one with links to others, pictures and a table."""


def drop_scenes(notebook: NotebookNode) -> None:
    """Without them no Bokeh is loaded; what a page shows of a widget is seen in the other."""
    notebook.cells = [cell for cell in notebook.cells if "= scene(" not in cell.source]
    for cell in notebook.cells:
        lines = cell.source.splitlines()
        cell.source = "\n".join(line for line in lines if "import scene" not in line)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built copy of a few notebooks."""
    place = tmp_path_factory.mktemp("a site")  # with a blank in its path
    for name in BUILT:
        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        if name == EXPLORER:
            del notebook.cells[4:]  # the rest takes its time
        else:
            drop_scenes(notebook)
        nbformat.write(notebook, place / name)
    before = {path: path.read_bytes() for path in place.iterdir()}
    site.build(place / "pages", sorted(place.glob("*.ipynb")))
    assert {path: path.read_bytes() for path in before} == before  # the notebooks stay as they are
    return place / "pages"


def test_there_is_a_page_for_each(pages: Path) -> None:
    """Every notebook has its page, and the index names it with its question."""
    index = (pages / "index.html").read_text()
    for name in BUILT:
        page = name.replace(".ipynb", ".html")
        assert (pages / page).exists()
        assert f'href="{page}"' in index
    assert "Why do three ways to ask what is resident disagree?" in index


def test_nothing_is_loaded(pages: Path) -> None:
    """No page has a script, a style or a picture from elsewhere."""
    for page in pages.glob("*.html"):
        html = page.read_text()
        assert "<script" not in html
        for source in re.findall(r'(?:src|xlink:href)="([^"]*)"', html):
            assert source.startswith("data:"), source
        assert not re.findall(r'<link[^>]+href="http', html)
        assert not re.findall(r"@import", html)
        assert not re.findall(r"url\(\s*[\"']?(?!data:|#|[\"'])", html)


def test_links_lead_to_pages(pages: Path) -> None:
    """No link leads to a notebook; what is linked among those built is there."""
    for page in pages.glob("*.html"):
        links = re.findall(r'href="([^"#:]+)"', page.read_text())
        assert not [link for link in links if link.endswith(".ipynb")]
        names = {name.replace(".ipynb", ".html") for name in BUILT} | {"index.html"}
        for link in names & set(links):
            assert (pages / link).exists()


def test_a_widget_is_a_picture(pages: Path) -> None:
    """The explorer's page shows a picture of it, not the words of a widget."""
    html = (pages / "01-explorer.html").read_text()
    assert "data:image/png;base64," in html
    assert "VBox(" not in html
    assert "widget-view" not in html


def test_charts_and_tables_are_there(pages: Path) -> None:
    """Page maps and verdicts are part of the page."""
    html = (pages / "08-three-ways-to-ask.html").read_text()
    assert "data:image/png;base64," in html
    assert "<td>holds</td>" in html


def test_every_picture_has_its_words(pages: Path) -> None:
    """What a picture shows can be read aloud: a page map has its counts."""
    pictures = [
        picture
        for page in pages.glob("*.html")
        for picture in re.findall(r"<img[^>]*>", page.read_text())
    ]
    words = [re.search(r'alt="([^"]+)"', picture) for picture in pictures]
    assert len(words) >= 2
    assert all(words)
    assert any("512 not present" in found[1] for found in words if found)


@pytest.mark.browser
def test_it_opens_from_disk(pages: Path, chromium: Any) -> None:
    """A real browser opens each page from disk, asks nobody for anything and has no complaint."""
    tab = chromium.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    for page in sorted(pages.glob("*.html")):
        tab.goto(page.as_uri())
        assert tab.locator("h1").first.is_visible()
    tab.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []


CLIPPED = """[...document.querySelectorAll('.highlight, pre, table')]
    .filter(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .filter(each => !each.closest('.highlight') || each.matches('.highlight'))
    .filter(each => getComputedStyle(each).overflowX !== 'auto')
    .map(each => each.innerText)"""


@pytest.mark.browser
def test_a_narrow_window_hides_nothing(pages: Path, chromium: Any) -> None:
    """On a telephone the page does not move sideways, and long code, output and tables do."""
    tab = chromium.new_page(viewport={"width": 400, "height": 800})
    for page in sorted(pages.glob("*.html")):
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        assert tab.evaluate(CLIPPED) == []
    tab.close()


@pytest.mark.parametrize("screen", ["explorer", "review", "device", "watch"])
def test_every_screen_is_its_own_picture(screen: str) -> None:
    """A page shows the one that the notebook shows, and of what loads Bokeh nothing."""
    page = parts.Page(screen)
    idle = {"text/html": f"<div>{page.idle}</div>", "text/plain": page.idle}
    live = {site.WIDGET: {}, "text/plain": repr(page)}
    loading = {site.WIDGET: {}, "text/plain": "Output()"}
    cell = nbformat.v4.new_code_cell(
        outputs=[nbformat.v4.new_output("display_data", each) for each in (loading, idle, live)]
    )
    shown, _ = site.Readable().preprocess_cell(cell, {}, 0)
    picture = base64.b64encode((site.PICTURES / f"{screen}.png").read_bytes()).decode()
    assert [each.data for each in shown.outputs] == [{"image/png": picture}]


def test_a_scene_stays_a_question() -> None:
    """It has no picture, and its text says where it can be touched."""
    page = parts.Page("scene", "Touch it: which of the two takes a fault?")
    idle = {"text/html": f"<div>{page.idle}</div>", "text/plain": page.idle}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", idle)])
    shown, _ = site.Readable().preprocess_cell(cell, {}, 0)
    assert [each.data for each in shown.outputs] == [idle]

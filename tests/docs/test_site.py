"""The built site: it opens from disk, loads nothing from elsewhere, its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from docs.extension import building
from prefault_kit.studies.promises import PROMISES

ADDRESSES = building.DOCS / "addresses.txt"
LARGEST_BYTES = 1_000_000
BUILD_S = 600
"""The time limit of a build, which takes twenty seconds where the machine does nothing else."""
SEARCH = "search.html"
SCREENS = {
    "decide/read-or-write": "review.gif",
    "decide/your-program": "trial.png",
    "kernels/every-kernel": "kernels.png",
    "lessons/a-sparse-device": "device.png",
    "lessons/explorer": "explorer.png",
    "lessons/locking-and-real-time": "watch.png",
    "lessons/playground": "playground.gif",
}
"""The pages of screens, and the pictures of these."""
QUESTIONS = (
    ("Is it faster than touching?", r"private anon, pages of 4 KiB"),
    ("May I rely on EFAULT on Linux 6.1?", r"6\.1\.176 holds"),
    ("What does READ do to a hole on xfs?", r"shared file on[^;]* xfs.*no block allocated"),
    ("How do I test this in my CI?", r"prefault-kit check --junit"),
    ("READ or WRITE for a file that I mostly read?", r"MADV_POPULATE_READ\. Nothing is dirty"),
    ("Does WRITE change my data?", r"kept, as expected"),
    (
        "Why do populated pages fault again after a sync?",
        r"0 faults before a sync, one a page after",
    ),
    ("Do populated pages fault again after a fork?", r"one a page beside a child"),
    ("What is populated after an error?", r"at a gap between mappings, from Linux 6.10"),
    ("How much memory does READ take?", r"512 zero pages, Rss 0"),
    ("How fast do I load a file of weights?", r"to the last byte"),
    ("Why is preallocating a virtual machine slow, and what helps?", r"two processors zero twice"),
    ("Which error is it, and what do I do?", r"EHWPOISON ?what it means: a page in the range"),
    ("What does exit status 3 mean?", r"guard.*3 if faults cannot be observed here"),
    ("How do I contribute a run of my machine?", r"contribute grid\.csv"),
)
"""What engineers ask, as the first page has it, and what the page behind it answers."""


class Page(HTMLParser):
    """What a page refers to, where it can be entered, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.named: dict[str, str] = {}
        self.html = path.read_text()
        self.feed(self.html)

    @property
    def text(self) -> str:
        """All that is read, on one line."""
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element with what it refers to."""
        found = dict(attributes)
        self.anchors.add(found.get("id") or "")
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(found["href"] or "")
        elif found.get("src"):
            self.loaded.append(found["src"] or "")
        if tag == "img":
            self.pictures.append(found)

    def handle_data(self, data: str) -> None:
        """Text; that of a link names where it leads."""
        self.words.append(data)
        if self.links:
            self.named.setdefault(data, self.links[-1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, in a path with a blank, built where another stood before."""
    place = tmp_path_factory.mktemp("a site")
    target = place / "site"
    target.mkdir()
    (target / "old.html").write_text("of a build before")
    command = [sys.executable, "-m", "docs.extension", str(target)]
    subprocess.run(command, cwd=building.ROOT, check=True, timeout=BUILD_S)
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """Every page by its address."""
    return {str(path.relative_to(site)): Page(path) for path in sorted(site.rglob("*.html"))}


def test_addresses_stay(pages: dict[str, Page]) -> None:
    """Every page is where it was: others link to it. A new one is added to the list."""
    assert sorted(pages) == ADDRESSES.read_text().split()


def test_every_link_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    """To a page or a file of the site, and there to an element that has this name."""
    broken = []
    for address, page in pages.items():
        for link in page.links:
            if re.match(r"https?://", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (page.path.parent / name).resolve() if name else page.path
            there = pages.get(str(target.relative_to(site))) if target.is_file() else None
            if not target.is_file() or (anchor and there and anchor not in there.anchors):
                broken.append(f"{address}: {link}")
    assert broken == []


def test_no_page_is_left_alone(pages: dict[str, Page]) -> None:
    """From the first page every other is reached by links, but the search, by its field."""
    reached, waiting = {SEARCH}, ["index.html"]
    root = pages["index.html"].path.parent
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            for link in pages[here].links:
                name = unquote(link).partition("#")[0]
                target = (pages[here].path.parent / name).resolve()
                if name and target.suffix == ".html":
                    waiting.append(str(target.relative_to(root)))
    assert set(pages) - reached == set()


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, Page]) -> None:
    """Scripts, styles and pictures are files of the site."""
    for page in pages.values():
        for source in page.loaded:
            assert not re.match(r"(https?:)?//", source), source
    for style in pages["index.html"].path.parent.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text()), style


def test_pages_are_small(pages: dict[str, Page]) -> None:
    """Each with all that it shows, but what all pages share, has less than 1 MB."""
    for address, page in pages.items():
        files = {page.path, *((page.path.parent / str(each["src"])) for each in page.pictures)}
        assert sum(path.stat().st_size for path in files) < LARGEST_BYTES, address


def test_every_picture_has_its_words(pages: dict[str, Page]) -> None:
    """What a picture shows can be read aloud: a page map has its counts."""
    words = [picture.get("alt") or "" for page in pages.values() for picture in page.pictures]
    assert len(words) > 20
    assert all(words)
    assert any("512 not present" in each for each in words)


@pytest.mark.parametrize("address", SCREENS)
def test_a_screen_is_a_picture(pages: dict[str, Page], address: str) -> None:
    """In place of a screen that runs in JupyterLab there is a picture of it."""
    page = pages[f"{address}.html"]
    shown = {Path(str(picture["src"])).name for picture in page.pictures}
    assert SCREENS[address] in shown
    assert "widget-view" not in page.html


def test_verdicts_of_a_lesson_are_there(pages: dict[str, Page]) -> None:
    """The stored outputs are part of the page."""
    html = pages["lessons/three-ways-to-ask.html"].html
    assert "<td><p>holds</p></td>" in html
    assert "not present" in html


def test_promises_follow_one_another(pages: dict[str, Page]) -> None:
    """From the list to the first group, through its promises to the next group, and out."""
    here, passed = "promises/index", []
    while here.startswith("promises/"):
        found = re.search(r'<a class="next-page" href="([^"]+)"', pages[f"{here}.html"].html)
        assert found
        target = (pages[f"{here}.html"].path.parent / found[1]).resolve()
        here = str(target.relative_to(pages["index.html"].path.parent)).removesuffix(".html")
        passed.append(here.removeprefix("promises/"))
    assert here == "kernels/index"
    assert [name for name in passed if name in PROMISES] == list(PROMISES)


def test_every_promise_is_in_the_tree(pages: dict[str, Page]) -> None:
    """Beside its page, in its group, which is open there."""
    tree = pages["promises/error-efault.html"].html.partition('class="sidebar-tree"')[2]
    tree = tree.partition("</aside>")[0]
    assert all(f">{name}</a>" in tree for name in PROMISES)
    opened = re.findall(r'<li class="[^"]*\bcurrent\b[^"]*"><a [^>]*>([^<]+)</a>', tree)
    assert opened == ["Promises", "How populating fails", "error-efault"]


@pytest.mark.parametrize(("question", "answer"), QUESTIONS, ids=[each for each, _ in QUESTIONS])
def test_a_question_is_answered_by_a_click(
    pages: dict[str, Page], question: str, answer: str
) -> None:
    """The first page has the question, and the page behind it the answer."""
    link = pages["index.html"].named[question].partition("#")[0]
    assert re.search(answer, pages[link].text)


def test_what_was_there_before_is_gone(site: Path) -> None:
    """A build replaces the one before."""
    assert not (site / "old.html").exists()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A page of a browser that may ask nobody and must not complain."""
    page = chromium.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [each for each in complaints if not each.startswith(("info:", "log:"))] == []


def of_each_kind(site: Path) -> list[Path]:
    """Pages of each part."""
    names = (
        "index", "start/start-here", "lessons/explorer", "lessons/three-ways-to-ask",
        "decide/index", "decide/your-program", "promises/index", "promises/error-efault",
        "kernels/index", "kernels/6.1", "reference/python", "reference/command-line/check",
        "reference/errors", "promises/reading", "measured/index",
        "measured/the-published-table", "teach/exercises", "lessons/locking-and-real-time",
        "kernels/every-kernel",
    )  # fmt: skip
    return [site / f"{name}.html" for name in names]


@pytest.mark.browser
def test_pages_open_from_disk(site: Path, tab: Any) -> None:
    """A real browser opens them, asks nobody for anything and has no complaint."""
    for page in of_each_kind(site):
        tab.goto(page.as_uri())
        assert tab.locator("h1").first.is_visible()


@pytest.mark.browser
def test_the_search_works_from_disk(site: Path, tab: Any) -> None:
    """It finds the promise by its error, and leads there."""
    tab.goto((site / "index.html").as_uri())
    field = tab.locator("input[name=q]")
    field.fill("EFAULT")
    field.press("Enter")
    found = tab.locator("ul.search a", has_text="fails with EFAULT")
    found.first.click()
    tab.wait_for_url("**/promises/error-efault.html*")


CHARTED = {
    "kernels/every-kernel": 1,
    "lessons/locking-and-real-time": 4,
    "measured/index": 2,
    "measured/the-published-table": 13,
}
"""The pages with live charts, and how many."""
DRAWN = "document.querySelector('.prefault-chart').classList.contains('drawn')"
SHOWN = "Bokeh.documents[0].roots()[0].renderers.filter(each => each.visible).length"
BRIGHT = """() => {
    const canvases = (root) => [...root.querySelectorAll("*")].flatMap((each) => [
        ...(each.localName === "canvas" ? [each] : []),
        ...(each.shadowRoot ? canvases(each.shadowRoot) : []),
    ])
    let found = 0
    for (const each of canvases(document.querySelector(".prefault-live"))) {
        if (!each.width || !each.height) continue
        const copy = new OffscreenCanvas(each.width, each.height).getContext("2d")
        copy.drawImage(each, 0, 0)
        const {data} = copy.getImageData(0, 0, each.width, each.height)
        for (let at = 0; at < data.length; at += 4)
            found += data[at + 3] > 200 && Math.min(data[at], data[at + 1], data[at + 2]) > 190
    }
    return found
}"""
"""How many points of a chart are nearly white: those of its text in a dark page."""


def test_what_was_recorded_has_live_charts(pages: dict[str, Page]) -> None:
    """Pages without one do not ask for the script that loads BokehJS, and no page contains it."""
    counts = {name: page.html.count('class="prefault-chart"') for name, page in pages.items()}
    assert {name.removesuffix(".html"): each for name, each in counts.items() if each} == CHARTED
    for name, page in pages.items():
        scripts = [Path(each.partition("?")[0]).name for each in page.loaded]
        assert ("charts.js" in scripts) == bool(counts[name]), name
        assert "bokeh.js" not in scripts


@pytest.mark.browser
@pytest.mark.parametrize("address", CHARTED)
def test_charts_are_drawn_from_disk(site: Path, tab: Any, address: str) -> None:
    """Once one comes into sight, and the picture of the same is gone."""
    tab.goto((site / f"{address}.html").as_uri())
    if address != "measured/index":  # whose charts may be in sight of its table
        assert tab.evaluate("window.Bokeh") is None
    for folded in tab.locator(".prefault-chart summary").all()[:1]:
        folded.click()
    tab.locator(".prefault-live").first.scroll_into_view_if_needed()
    tab.wait_for_function(DRAWN)
    assert tab.evaluate(SHOWN)
    if tab.locator(".prefault-chart-still").count():
        assert not tab.locator(".prefault-chart-still").first.is_visible()
        tab.emulate_media(media="print")
        assert tab.locator(".prefault-chart-still").first.is_visible()


@pytest.mark.browser
def test_a_legend_hides(site: Path, tab: Any) -> None:
    """A click on a name hides its line and points, and a second one shows them again."""
    tab.goto((site / "lessons" / "locking-and-real-time.html").as_uri())
    chart = tab.locator(".prefault-chart").first
    chart.scroll_into_view_if_needed()
    tab.wait_for_function(DRAWN)
    every = tab.evaluate(SHOWN)
    for shown in (every - 2, every):
        chart.get_by_text("POPULATE_READ").click()
        assert tab.evaluate(SHOWN) == shown


@pytest.mark.browser
def test_a_chart_follows_the_theme(site: Path, tab: Any) -> None:
    """Its text is bright once the page is dark, and dark again after it."""
    tab.goto((site / "lessons" / "locking-and-real-time.html").as_uri())
    tab.locator(".prefault-live").first.scroll_into_view_if_needed()
    tab.wait_for_function(DRAWN)
    assert tab.evaluate(BRIGHT) == 0
    tab.emulate_media(color_scheme="dark")  # the theme is "auto"
    tab.wait_for_function(f"({BRIGHT})() > 0")
    tab.locator(".theme-toggle:visible").click()  # light
    tab.wait_for_function(f"({BRIGHT})() === 0")


@pytest.mark.browser
def test_without_bokeh_there_are_pictures(site: Path, tmp_path: Path, chromium: Any) -> None:
    """Of a site that was not copied as a whole, no empty place is left."""
    part = shutil.copytree(site, tmp_path / "part")
    (part / "_static" / "bokeh.js").unlink()
    tab = chromium.new_page()
    tab.goto((part / "lessons" / "locking-and-real-time.html").as_uri())
    charts = tab.locator(".prefault-chart")
    before = charts.count()
    charts.first.scroll_into_view_if_needed()
    tab.wait_for_function(f"document.querySelectorAll('.prefault-chart').length < {before}")
    assert tab.locator(".prefault-chart-still img").first.is_visible()
    tab.close()


@pytest.mark.browser
def test_without_scripts_there_are_pictures(site: Path, chromium: Any) -> None:
    """And no empty places."""
    tab = chromium.new_page(java_script_enabled=False)
    tab.goto((site / "lessons" / "locking-and-real-time.html").as_uri())
    assert tab.locator(".prefault-chart-still img").first.is_visible()
    assert not tab.locator(".prefault-chart").first.is_visible()
    tab.close()


SEARCHED = {
    "EFAULT 6.1": "promises/error-efault",
    "READ hole xfs": "promises/read-allocates-no-block",
    "test in CI": "start/ci",
    "hole errno": "promises/error-enomem",
    "hugetlb private read": "promises/zero-not-of-hugetlb",
    "faster touching": "measured/index",
    "after fork": "promises/fork-protects-private",
    "preallocation of a virtual machine": "lessons/preallocating-like-a-hypervisor",
    "guard exit status": "reference/exit-statuses",
    "contribute a run": "reference/command-line/contribute",
}
"""What newcomers type, and the page that answers it."""


@pytest.mark.browser
def test_the_search_puts_answers_first(site: Path, tab: Any) -> None:
    """Each is among the first three."""
    for query, address in SEARCHED.items():
        tab.goto(f"{(site / SEARCH).as_uri()}?q={query}")
        tab.locator("ul.search li a").first.wait_for()
        tab.wait_for_function("!/Searching/.test(document.body.innerText)")
        links = tab.locator("ul.search li a")
        first = [each.get_attribute("href") or "" for each in links.all()[:3]]
        assert any(each.startswith(f"{address}.html") for each in first), (query, first)


SHADE = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.browser
def test_light_and_dark(site: Path, chromium: Any) -> None:
    """As the reader's system has it, and by a click."""
    shades = []
    for scheme in ("light", "dark"):
        tab = chromium.new_page(color_scheme=scheme)
        tab.goto((site / "promises" / "error-efault.html").as_uri())
        shades.append(tab.evaluate(SHADE))
        tab.locator(".theme-toggle:visible").click()
        shades.append(tab.evaluate(SHADE))
        tab.close()
    light, chosen_dark, dark, chosen_light = shades
    assert (chosen_light, chosen_dark) == (light, dark)
    assert light != dark


@pytest.mark.browser
def test_a_link_opens_the_case_that_it_names(site: Path, tab: Any) -> None:
    """The question of the first page leads into a closed case, and that is open then."""
    tab.goto((site / "index.html").as_uri())
    tab.get_by_role("link", name="READ or WRITE for a file that I mostly read?").click()
    answer = tab.get_by_text("It is read, or written rarely")
    answer.wait_for(state="visible")
    assert tab.locator("details[open]").count() == 1


@pytest.mark.browser
@pytest.mark.parametrize("address", ["kernels/index", "promises/reading"])
def test_the_truth_fits_a_telephone(site: Path, chromium: Any, address: str) -> None:
    """Every kernel is in sight, each verdict is a mark, and the names of kernels stay above."""
    tab = chromium.new_page(viewport={"width": 360, "height": 800})
    tab.goto((site / f"{address}.html").as_uri())
    table = tab.locator(".truth table")
    assert table.evaluate("each => each.getBoundingClientRect().right") <= 360
    marks = "each => [getComputedStyle(each, '::after').content, getComputedStyle(each).fontSize]"
    assert table.locator(".holds").first.evaluate(marks) == ['"✓"', "0px"]
    assert tab.locator(".marks .holds").evaluate(marks) == ['"✓"', "0px"]
    assert table.locator("th").last.evaluate("each => getComputedStyle(each).position") == "sticky"
    tab.close()


@pytest.mark.browser
def test_rows_are_lists_on_a_telephone(site: Path, chromium: Any) -> None:
    """Each cell says what it is there, and does not in a wide window."""
    tab = chromium.new_page(viewport={"width": 360, "height": 800})
    tab.goto((site / "kernels" / "index.html").as_uri())
    since = tab.locator(".stacked td .named", has_text="shown from:").first
    assert since.is_visible()
    assert not tab.locator(".stacked thead").first.is_visible()
    tab.set_viewport_size({"width": 1280, "height": 800})
    assert not since.is_visible()
    assert tab.locator(".stacked thead").first.is_visible()
    tab.close()


CLIPPED = """[...document.querySelectorAll('article pre, article table')]
    .filter(each => each.clientWidth && each.getBoundingClientRect().right > innerWidth + 1)
    .filter(each => !each.closest('.table-wrapper, .highlight, .output, details:not([open])'))
    .map(each => each.innerText)"""


@pytest.mark.browser
def test_a_narrow_window_hides_nothing(site: Path, chromium: Any) -> None:
    """On a telephone the page does not move sideways, and long code, output and tables do."""
    tab = chromium.new_page(viewport={"width": 400, "height": 800})
    for page in of_each_kind(site):
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400, page
        assert tab.evaluate(CLIPPED) == [], page
    tab.close()

"""The screens as a person uses them: a real JupyterLab in a real Chromium, without a network.

Times are waited for, never asserted on. Set ``PREFAULT_SCREENSHOTS`` to a directory to keep what
the browser showed.
"""

import ast
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image, ImageStat

from prefault_kit.show import plot
from tests.screens import lab
from tests.screens.cells import EXPLORER, PROBE, TRIAL, TRUTH_TABLE
from tests.screens.film import Film

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SCREENS = "screens.ipynb"
"""A notebook of one cell, whose kernel shows one screen after another."""
LATE = """
import time
from IPython.display import display
from prefault_kit.screens.explorer import explorer
from prefault_kit.screens.widgets import parts

loader, parts.loader = parts.loader, lambda: "not yet"
bench = explorer()
parts.loader = loader
bench.run()
bench.wait()
time.sleep(1)
display(loader())
"""
"""A cell that shows charts before there is a Bokeh to draw them."""
REVIEW = """
from prefault_kit.screens.reviewer import reviewer

model = reviewer()
"""
"""A cell that shows the design review."""
DEVICE = """
from prefault_kit.screens.sparse_device import device

screen = device()
"""
"""A cell that shows a sparse device."""
PLAYGROUND = """
from IPython.display import display
from prefault_kit.screens.playground import Playground, view
from prefault_kit.screens.widgets import parts

play = Playground(kind="memfd", sharing="shared", pages=64)
shown = view(play)
display(parts.loader())
shown.page.show()
"""
"""A cell that shows the playground, and keeps its widgets at hand."""
STORY = PLAYGROUND.replace('"shared"', '"private"')
"""The same on a private memfd, for a moving picture."""
SCENE = """
from prefault_kit.screens.playground import scene

play = scene("after-a-fork")
"""
"""A cell that shows a scene of a lesson."""
PROCESS = """
import mmap
from prefault_kit import PAGE_SIZE_BYTES
from prefault_kit.screens.process import your_process

buffer = mmap.mmap(-1, 64 << 20)
for offset in range(0, 64 << 20, 2 * PAGE_SIZE_BYTES):
    buffer[offset] = 1
model = your_process(memory=buffer)
buffer_address = model.address
model.address = 0
"""
"""A cell that shows the notebook's own process: every second page of a buffer is written."""
TOUCHED = """(
    [buffer.__setitem__(at + PAGE_SIZE_BYTES, 1) for at in range({end} - (1 << 17), {end}, 1 << 13)]
    and any(0 <= each.address - buffer_address < {end} for each in list(model.faults))
)"""
"""Whether a fault in the first bytes has been seen; the last 128 KiB of them are touched now."""
SELECTED = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content
    return notebook.widgets.filter((cell) => notebook.isSelectedOrActive(cell)).length
}"""
INK_OF = "element => parseInt(getComputedStyle(element).fill.match(/[0-9]+/))"
"""How red, 0 to 255, a picture's words are: bright on dark, dark on bright."""
RESTART = """async () => {
    await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()
}"""
WAIT_S = 120
FIRST_LINE_Y = 19
"""The height, in a chart of runs, of the first of them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    """JupyterLab on a copy of the notebooks."""
    root = tmp_path_factory.mktemp("served")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(notebook, root)
    below = nbformat.v4.new_markdown_cell("Below.")
    lab.write_notebook(root / SCREENS, nbformat.v4.new_code_cell(LATE), below)
    with lab.server(root, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def tab(server: lab.Server, chromium: Any) -> Iterator[lab.Tab]:
    """One page and one kernel for all screens, for to load JupyterLab takes most of a test's time.

    As wide as a lecture hall's screen; no Bokeh is loaded yet.
    """
    with lab.tab(chromium, width=1600, height=1400) as tab:
        tab.open(server.url(SCREENS))
        tab.command("application:toggle-left-area")
        yield tab


@pytest.fixture(scope="class")
def bench(tab: lab.Tab) -> lab.Tab:
    """The explorer."""
    tab.switch(SCREENS)
    for _ in range(2):  # people run a cell again; a reload has to bring back the last alone
        tab.show(EXPLORER)
    tab.await_status("Ready.")
    return tab


def snapshot(tab: lab.Tab, name: str) -> None:
    """Take a picture of the page, where PREFAULT_SCREENSHOTS says; nothing is asserted on it."""
    if place := os.environ.get("PREFAULT_SCREENSHOTS"):
        tab.page.screenshot(path=Path(place) / f"{name}.png")


def middle(element: Any) -> tuple[float, float]:
    """The middle of an element, for the mouse."""
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def show_film(film: Film, name: str, tmp_path: Path) -> None:
    """Write a moving picture, where PREFAULT_SCREENSHOTS says; small, and one that moves."""
    path = Path(os.environ.get("PREFAULT_SCREENSHOTS") or tmp_path) / f"{name}.gif"
    film.save(path)
    assert path.stat().st_size < 2_000_000
    with Image.open(path) as written:  # frames that show the same are one
        assert 1 < written.n_frames <= len(film.frames)
        assert written.width == 800


def picture(tab: lab.Tab, card: int) -> Image.Image:
    """What a chart's card looks like."""
    shot = tab.page.locator(".prefault-card").nth(card).screenshot()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def brightness(tab: lab.Tab) -> float:
    """The median brightness of the second chart's card, 0 to 255."""
    return float(ImageStat.Stat(picture(tab, 1).convert("L")).median[0])


def painted(tab: lab.Tab, card: int) -> set[object]:
    """The colours that fill a chart, the common ones alone."""
    image = picture(tab, card)
    counted = image.getcolors(image.width * image.height) or []
    return {color for count, color in counted if count > 60}


BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)
GREEN = (0, 158, 115)
POINTS = (38, 135, 189)
"""Of one that nothing lies over; the lines lie over each other where a repetition took long."""
PALE_BLUE = (125, 177, 206)
"""Of a cell of which half is of the file."""
GROUND = (228, 228, 228)
"""The colour of a page that is not present."""


def test_charts_that_came_too_early_come_back(tab: lab.Tab) -> None:
    """Charts in the page before Bokeh are made anew once it is there."""
    tab.run_all()
    tab.page.locator(".prefault-card canvas").nth(3).wait_for(timeout=WAIT_S * 1000)


class TestTheExplorer:
    """One kernel, one page; each test goes on where the one before has ended."""

    def test_a_first_click_fills_the_charts(self, bench: lab.Tab) -> None:
        """Run with the defaults: points, bars, words, numbers."""
        assert not bench.page.locator(".prefault-card").first.is_visible()
        bench.press("Run")
        bench.await_status("Done in")
        bench.page.locator(".prefault-summary", has_text="pages are present").wait_for()
        bench.await_true(lambda: POINTS in painted(bench, 0))
        assert BLUE in painted(bench, 1)

    def test_compare_puts_methods_side_by_side(self, bench: lab.Tab) -> None:
        """Choose a shared memfd, compare: a line a method, the memory they left in colours."""
        bench.press("memfd")
        bench.press("shared")
        bench.button("+ POPULATE_WRITE").wait_for()
        bench.press("+ POPULATE_WRITE")
        bench.press("Clear")
        bench.press("Compare methods")
        bench.await_status("Done in")
        bench.await_true(lambda: {BLUE, VERMILLION} <= painted(bench, 3))
        options = bench.page.get_by_label("Looking at").locator("option")
        bench.await_true(lambda: options.count() >= 11)
        bench.page.locator(".prefault-summary", has_text="FALLOCATE+POPULATE_WRITE").wait_for()

    def test_a_click_on_a_line_looks_at_that_run(self, bench: lab.Tab) -> None:
        """The summary is of the run that was clicked; the chooser says the same."""
        canvas = bench.page.locator(".prefault-card").nth(2).locator(".bk-events")
        canvas.click(position={"x": 300, "y": FIRST_LINE_Y})
        bench.await_true(lambda: bench.chosen("Looking at") == "1. Read")
        bench.page.locator(".prefault-summary", has_text=re.compile("^Read on Memfd")).wait_for()

    def test_hovering_shows_exact_values_with_units(self, bench: lab.Tab) -> None:
        """A bar of resident memory says its bytes."""
        canvas = bench.page.locator(".prefault-card").nth(3).locator(".bk-events")
        canvas.hover(position={"x": 400, "y": FIRST_LINE_Y})
        tip = bench.page.locator(".prefault-tip")
        tip.first.wait_for()
        assert re.search(r"[\d,]+ bytes, 100% of the mapping", tip.first.inner_text())
        bench.page.mouse.move(0, 0)

    def test_an_error_is_reported_in_words(self, bench: lab.Tab) -> None:
        """A size that is none, then one that no machine has: a sentence each, no traceback."""
        size = bench.page.get_by_label("Size", exact=True)
        size.fill("a lot")
        size.press("Enter")
        bench.page.locator(".prefault-problem", has_text="is not a size").wait_for()
        bench.press("Run")
        bench.await_status("is not a size")
        size.fill("9000 GiB")
        size.press("Enter")
        bench.page.locator(".prefault-problem").wait_for()
        bench.press("Run")
        assert "Traceback" not in bench.await_status("memory")
        size.fill("2 MiB")
        size.press("Enter")
        bench.page.locator(".prefault-problem").wait_for(state="detached")

    def test_a_4_gib_run_is_stopped_and_other_cells_answer(self, bench: lab.Tab) -> None:
        """While it runs another cell runs; Stop ends it, and its process is gone."""
        bench.press("anon")
        bench.press("private")
        bench.press("POPULATE_WRITE")
        bench.page.get_by_title("Set the size to 4 GiB").click()
        bench.page.locator(".prefault-problem").wait_for(state="detached")
        bench.press("Run")
        bench.await_status("so far")
        assert bench.ask("6 * 7") == "42"
        worker = int(bench.ask("bench.worker_pid"))
        assert Path(f"/proc/{worker}").exists()
        bench.await_status("so far")
        bench.press("Stop")
        bench.await_status("Stopped after")
        bench.await_true(lambda: not Path(f"/proc/{worker}").exists())
        bench.page.get_by_title("Set the size to 2 MiB").click()
        bench.press("Run")
        bench.await_status("Done in")

    def test_themes_are_followed_live(self, bench: lab.Tab) -> None:
        """Dark and back: the charts' ground and their ink change without a new run."""
        assert brightness(bench) > 200
        ink = bench.chart_ink()
        bench.command("apputils:change-theme", theme="JupyterLab Dark")
        bench.await_true(lambda: brightness(bench) < 60)
        bench.await_true(lambda: bench.chart_ink() != ink)
        snapshot(bench, "dark")
        bench.command("apputils:change-theme", theme="JupyterLab Light")
        bench.await_true(lambda: brightness(bench) > 200)
        bench.await_true(lambda: bench.chart_ink() == ink)
        snapshot(bench, "light")

    @pytest.mark.parametrize("width", [700, 900, 1600])
    def test_nothing_is_cut_off(self, bench: lab.Tab, width: int) -> None:
        """Narrow and wide: no scroll bar within the explorer, nothing beyond its right edge."""
        bench.page.set_viewport_size({"width": width, "height": 1400})
        bench.await_true(lambda: bench.overflowing() == [])
        snapshot(bench, f"{width}-px")

    def test_the_keyboard_reaches_everything(self, bench: lab.Tab) -> None:
        """Tab goes from control to control, Space presses; JupyterLab does not take the key."""
        bench.page.set_viewport_size({"width": 1600, "height": 1400})
        bench.button("anon").focus()
        bench.page.keyboard.press("Tab")
        assert bench.focused() == "memfd"
        bench.page.keyboard.press("Space")
        bench.page.locator(".prefault button.mod-active", has_text="memfd").wait_for()
        reached = {bench.focused()}
        for _ in range(60):
            bench.page.keyboard.press("Tab")
            reached.add(bench.focused())
        assert {"shared", "POPULATE_READ", "4 GiB", "Run", "Compare methods", "Save"} <= reached
        assert {"Size", "Repetitions", "Save as", "Looking at"} <= reached

    def test_a_reload_keeps_the_charts(self, bench: lab.Tab) -> None:
        """The kernel lives on: the page comes back with the runs in it."""
        bench.command("docmanager:save")
        summary = bench.page.locator(".prefault-summary").inner_text()
        chart = bench.page.locator(".prefault-card canvas").nth(3)
        lost = bench.page.locator(".jp-OutputArea", has_text="model not found")
        for _ in range(3):  # a busy browser may draw a cell before it has the models of its widgets
            bench.page.reload()
            bench.await_kernel()
            chart.or_(lost.first).first.wait_for()
            if not lost.count():
                break
            bench.complaints.clear()
        chart.wait_for()
        bench.await_true(lambda: bool({BLUE, POINTS} & painted(bench, 0)))
        assert bench.page.locator(".prefault-summary").inner_text() == summary
        bench.press("Clear")
        bench.press("Run")
        bench.await_status("Done in")

    def test_nothing_left_this_machine(self, bench: lab.Tab) -> None:
        """All of the above asked 127.0.0.1 alone, and the browser had nothing to complain about."""
        assert bench.abroad == []
        assert bench.complaints == []


def test_the_first_notebook_runs(tab: lab.Tab) -> None:
    """Start here: all cells run, every claim holds, the machine's table is there."""
    tab.switch("00-start-here.ipynb")
    tab.run_all()
    verdicts = tab.page.locator(".jp-OutputArea table", has_text="holds")
    verdicts.wait_for(state="attached")  # it may be scrolled out of sight
    assert "NO" not in (verdicts.text_content() or "")
    tab.page.locator(".jp-OutputArea table", has_text="to enable it").wait_for(state="attached")
    assert tab.page.locator(".jp-OutputArea [data-mime-type*=error]").count() == 0
    assert tab.abroad == []


def test_a_probe_fills_its_charts(tab: lab.Tab) -> None:
    """Two seconds with a fork: a row for each preparation, two charts, nothing cut off."""
    tab.switch(SCREENS)
    tab.show(PROBE)
    tab.press("2 s")
    tab.press("Run")
    tab.await_status("Done in")
    rows = tab.page.locator(".prefault .prefault-table tbody tr")
    assert rows.first.inner_text().split("\t")[0] == "nothing"
    tab.await_true(lambda: BLUE in painted(tab, 0) and BLUE in painted(tab, 1))
    tab.await_true(lambda: tab.overflowing() == [])
    snapshot(tab, "probe-1600-px")
    tab.page.set_viewport_size({"width": 700, "height": 2000})
    tab.await_true(lambda: tab.overflowing() == [])
    snapshot(tab, "probe-700-px")
    assert tab.abroad == []
    assert tab.complaints == []


@pytest.fixture(scope="class")
def desk(tab: lab.Tab) -> lab.Tab:
    """The review, with a case that takes a second."""
    tab.switch(SCREENS)
    tab.show(REVIEW)
    tab.page.get_by_title("Set the size to 16 MiB").click()
    tab.page.locator(".prefault-note", has_text="A workload of your own").wait_for()
    return tab


def repeat(tab: lab.Tab, times: int) -> None:
    """Choose how often, and wait until the kernel knows."""
    repeats = tab.page.get_by_label("Repetitions")
    repeats.fill(str(times))
    repeats.press("Enter")
    tab.await_true(lambda: tab.ask("model.repeats") == str(times))


def ranked(tab: lab.Tab) -> list[tuple[str, str]]:
    """The candidates of the table and their costs, as they stand."""
    rows = tab.page.locator(".prefault .prefault-table tbody tr")
    return [tuple(row.split("\t")[:2]) for row in rows.all_inner_texts()]  # type: ignore[misc]


class TestTheReview:
    """One kernel, one page; each test goes on where the one before has ended."""

    def test_a_review_is_run_and_stopped(self, desk: lab.Tab) -> None:
        """Run, then Stop; then Run to the end: a recommendation, a table, four charts."""
        repeat(desk, 10_000)
        desk.press("Run")
        desk.await_status("repetition")
        desk.press("Stop")
        desk.await_status("Stopped after")
        assert ranked(desk) == []
        repeat(desk, 2)
        desk.press("Run")
        desk.await_status("Done in", timeout_s=WAIT_S)
        desk.page.locator(".prefault-answer").wait_for()
        desk.await_true(lambda: len(ranked(desk)) == 10)
        desk.await_true(lambda: desk.page.locator(".prefault-card canvas:visible").count() >= 4)
        desk.await_true(lambda: {BLUE, VERMILLION} <= painted(desk, 0))

    def test_a_weight_ranks_again_without_a_run(self, desk: lab.Tab) -> None:
        """The slider of written bytes to its end: other costs, the status as it was."""
        before, status = ranked(desk), desk.page.locator(".prefault-status").inner_text()
        handle = desk.page.locator(".prefault-weight", has_text="written").locator(".noUi-handle")
        handle.focus()
        desk.page.keyboard.press("End")
        desk.await_true(lambda: ranked(desk) != before)
        assert {name for name, _ in ranked(desk)} == {name for name, _ in before}
        cheap = [name for name, _ in ranked(desk)]
        assert "WRITE" not in cheap[0]
        assert desk.ask("model.written") == "100.0"
        assert desk.page.locator(".prefault-status").inner_text() == status

    def test_it_is_exported_beside_the_notebook(self, desk: lab.Tab) -> None:
        """The page and its summary, which are never overwritten; tests/show opens such a page."""
        path = desk.page.get_by_label("Export as")
        path.fill("mine.html")
        path.press("Enter")
        desk.press("Export")
        desk.await_status("Wrote mine.html")
        page = Path(desk.ask("__import__('os').path.abspath('mine.html')").strip("'"))
        recommended = desk.page.locator(".prefault-answer b").inner_text()
        assert recommended in page.read_text()
        assert recommended in page.with_suffix(".md").read_text()
        path.fill("mine.html")
        path.press("Enter")
        desk.press("Export")
        desk.await_status("mine.html exists already")

    @pytest.mark.parametrize("width", [700, 900, 1600])
    def test_nothing_of_the_review_is_cut_off(self, desk: lab.Tab, width: int) -> None:
        """Narrow and wide."""
        desk.page.set_viewport_size({"width": width, "height": 2300})
        desk.await_true(lambda: desk.overflowing() == [])
        snapshot(desk, f"review-{width}-px")

    def test_the_review_follows_the_theme(self, desk: lab.Tab) -> None:
        """Dark; and light again for those who come next."""
        desk.command("apputils:change-theme", theme="JupyterLab Dark")
        desk.await_true(lambda: brightness(desk) < 60)
        snapshot(desk, "review-dark")
        desk.command("apputils:change-theme", theme="JupyterLab Light")

    def test_the_review_asked_this_machine_alone(self, desk: lab.Tab) -> None:
        """And the browser had nothing to complain about."""
        assert desk.abroad == []
        assert desk.complaints == []


@pytest.fixture(scope="class")
def field(tab: lab.Tab) -> lab.Tab:
    """The playground, on a shared memfd of 64 pages."""
    tab.switch(SCREENS)
    tab.show(PLAYGROUND)
    tab.page.locator(".prefault-maps canvas").first.wait_for(timeout=WAIT_S * 1000)
    tab.await_true(lambda: GROUND in painted(tab, 0))
    return tab


def cell(tab: lab.Tab, page: int, strip: int = 0, card: int = 0) -> tuple[float, float]:
    """Where a page is on the screen, by the number of its strip and of its map."""
    x, y = ast.literal_eval(
        tab.ask(f"[*shown.maps.figures.values()][{card}].place({strip}, {page})")
    )
    figure = f"[*shown.maps.figures.values()][{card}].figure"
    ranges = f"({figure}.x_range.start, {figure}.x_range.end, {figure}.y_range.start)"
    left, right, bottom = ast.literal_eval(tab.ask(ranges))
    top = ast.literal_eval(tab.ask(f"{figure}.y_range.end"))
    box = tab.page.locator(".prefault-maps .bk-events").nth(card).bounding_box()
    assert box
    # what the frame leaves free around it: see plot.bare
    wide, tall = box["width"] - 12, box["height"] - 8
    return (
        box["x"] + wide * (x - left) / (right - left),
        box["y"] + 8 + tall * (y - top) / (bottom - top),
    )


def predict(tab: lab.Tab, wanted: bool) -> None:
    """Choose whether each step is predicted first, and wait until the kernel knows."""
    tab.page.get_by_label("predict each step first").set_checked(wanted)
    tab.await_true(lambda: tab.ask("play.predicting") == str(wanted))


class TestThePlayground:
    """One kernel, one page; each test goes on where the one before has ended."""

    def test_a_click_reads_and_with_shift_writes(self, field: lab.Tab) -> None:
        """The page table, the page cache and the storage change, and a sentence says why."""
        field.page.mouse.click(*cell(field, 5))
        field.await_status("read: page 5")
        field.command("notebook:move-cursor-down")
        seven = cell(field, 7)
        field.page.keyboard.down("Shift")
        field.page.mouse.click(*seven)
        field.page.keyboard.up("Shift")
        field.await_status("write: page 7")
        assert field.page.evaluate(SELECTED) == 1
        field.page.locator(".prefault-happened", has_text="The storage is memory").wait_for()
        field.await_true(lambda: BLUE in painted(field, 0))
        assert field.ask("[act.step.operation for act in play.acts]") == "['read', 'write']"

    def test_a_drag_chooses_and_an_operation_is_done(self, field: lab.Tab) -> None:
        """In any of the strips; however long it is held before it moves."""
        for first, last, held_ms in ((40, 43, 0), (20, 29, 500)):
            begin, middle, end = (cell(field, page, strip=1) for page in (first, first + 2, last))
            field.page.mouse.move(*begin)
            field.page.mouse.down()
            field.page.wait_for_timeout(held_ms)
            field.page.mouse.move(*middle, steps=4)
            field.page.mouse.move(*end, steps=4)
            field.page.mouse.up()
            chosen = f"({first}, {last - first + 1})"
            field.await_true(lambda chosen=chosen: field.ask("play.step") == chosen)
        field.press("POPULATE_WRITE")
        field.await_status("MADV_POPULATE_WRITE: pages 20 to 29")

    def test_clicks_may_be_quick_or_slow(self, field: lab.Tab) -> None:
        """Two within 0.3 s are a double click to the browser; a long one is no click to it."""
        first, second, slow = (cell(field, page) for page in (1, 2, 3))
        before = int(field.ask("len(play.acts)"))
        field.page.mouse.click(*first)
        field.page.mouse.click(*second)
        field.page.mouse.move(*slow)
        field.page.mouse.down()
        field.page.wait_for_timeout(500)
        field.page.mouse.up()
        field.await_status("read: page 3")
        assert field.ask(f"[act.step.first for act in play.acts[{before}:]]") == "[1, 2, 3]"

    def test_the_keyboard_does_all_of_it(self, field: lab.Tab) -> None:
        """A click on the map gives it the keys: arrows move, Shift and arrows choose, W writes,
        Ctrl+A chooses all; JupyterLab hears none, nor X, which would cut the cell."""
        field.page.mouse.click(*cell(field, 9))
        field.await_status("read: page 9")
        field.page.keyboard.press("x")
        field.page.keyboard.press("Control+a")
        field.await_true(lambda: field.ask("play.step") == "(0, 64)")
        field.page.keyboard.press("Home")
        field.page.keyboard.press("ArrowDown")
        field.page.keyboard.press("Shift+ArrowRight")
        field.await_true(lambda: field.ask("play.step") == "(32, 2)")
        field.page.keyboard.press("w")
        field.await_status("write: pages 32 to 33")
        assert "prefault-keys" in field.page.evaluate("document.activeElement.className")
        field.page.locator("[aria-live]", has_text="Pages 32 to 33, the first").wait_for()

    def test_a_prediction_is_painted_and_compared(self, field: lab.Tab) -> None:
        """Painted on the map; what came otherwise is crossed and counted."""
        predict(field, True)
        field.press("DONTNEED")
        field.await_status("paint what the page table will be")
        field.press("not present")
        field.page.mouse.click(*cell(field, 32))
        field.await_true(lambda: field.ask("play.expected[32]") == "'not present'")
        field.press("Do it")
        field.page.locator(".prefault-note", has_text="1 page came otherwise").wait_for()
        predict(field, False)

    def test_what_shows_under_the_mouse_goes_with_it(self, field: lab.Tab) -> None:
        """Also where a click has put another figure under the mouse."""
        predict(field, True)
        field.page.mouse.move(*cell(field, 37))
        field.page.locator(".prefault-tip").wait_for()
        field.page.mouse.click(*cell(field, 37))
        field.await_status("paint what the page table will be")
        field.press("Forget it")
        predict(field, False)
        field.page.locator(".prefault-tip").wait_for(state="detached")

    def test_a_child_is_touched_beside_its_parent(self, field: lab.Tab) -> None:
        """Fork, and click on the child's map."""
        field.press("fork")
        field.page.locator(".prefault-title", has_text="The child's memory").wait_for()
        field.await_true(lambda: field.page.locator(".prefault-maps canvas").count() >= 2)
        field.await_true(lambda: GROUND in painted(field, 1))
        field.page.mouse.click(*cell(field, 40, card=1))
        field.await_status("read: page 40 (child)")
        field.press("end child")
        field.page.locator(".prefault-title", has_text="The child's").wait_for(state="detached")

    def test_a_sigbus_is_met_and_undone(self, field: lab.Tab) -> None:
        """The process dies of it; one click starts it again, with the memory as it was."""
        field.ask("play.choose(48, 1)")
        field.press("truncate")
        field.await_status("truncate: page 48")
        field.page.mouse.click(*cell(field, 50))
        field.await_status("SIGBUS at page 50")
        assert field.ask("play.alive") == "False"
        field.press("Start it again")
        field.await_status("truncate: page 48")
        assert field.ask("play.alive") == "True"

    def test_a_step_back_replays(self, field: lab.Tab) -> None:
        """To the second step, by the list."""
        field.page.get_by_label("Steps").select_option(index=2)
        field.await_status("write: page 7")
        assert field.ask("len(play.acts)") == "2"

    def test_the_c_that_is_shown_compiles_and_prints_the_same(
        self, field: lab.Tab, tmp_path: Path
    ) -> None:
        """As one would copy it from the page."""
        field.press("As C")
        source = field.page.locator(".prefault-code").inner_text()
        (tmp_path / "program.c").write_text(source)
        subprocess.run(["gcc", "-o", "program", "program.c"], cwd=tmp_path, check=True, timeout=60)
        done = subprocess.run(
            ["./program"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.splitlines()[1:] == ["1: 1 faults, 1 present", "2: 1 faults, 2 present"]

    @pytest.mark.parametrize("width", [700, 1600])
    def test_nothing_of_it_is_cut_off(self, field: lab.Tab, width: int) -> None:
        """Narrow and wide."""
        field.page.set_viewport_size({"width": width, "height": 2000})
        field.await_true(lambda: field.overflowing() == [])
        snapshot(field, f"playground-{width}-px")

    def test_it_asked_this_machine_alone(self, field: lab.Tab) -> None:
        """And the browser had nothing to complain about."""
        assert field.abroad == []
        assert field.complaints == []

    def test_without_its_kernel_it_says_what_to_do(self, field: lab.Tab) -> None:
        """The sentence is there as soon as the kernel is not, and while it is it is not."""
        field.page.set_viewport_size({"width": 1600, "height": 1400})
        field.page.evaluate(RESTART)
        idle = field.page.locator(".prefault-idle", has_text="choose Run > Run All Cells")
        idle.wait_for()
        field.await_kernel()
        field.show(SCENE)
        idle.wait_for(state="hidden")

    def test_a_scene_asks_about_prepared_memory(self, field: lab.Tab) -> None:
        """A fork and a write by its few operations, and back to what was prepared."""
        field.page.locator(".prefault-question", has_text="Fork; then").wait_for()
        field.await_true(lambda: GREEN in painted(field, 0))
        assert not field.page.locator(".prefault-idle").is_visible()
        field.press("fork")
        field.page.locator(".prefault-title", has_text="The child's memory").wait_for()
        field.ask("play.choose(8, 1)")
        field.press("write")
        field.await_status("write: page 8")
        field.page.locator(".prefault-happened", has_text="where nobody shares it").wait_for()
        field.press("Begin anew")
        field.page.locator(".prefault-title", has_text="The child's").wait_for(state="detached")
        assert field.ask("[act.step.operation for act in play.acts]") == "['MADV_POPULATE_WRITE']"


def test_a_moving_picture_of_the_playground(tab: lab.Tab, tmp_path: Path) -> None:
    """A read, a write, a populate, a fork, a write of the child; what happened stands below."""
    tab.switch(SCREENS)
    tab.show(STORY)
    tab.page.locator(".prefault-maps canvas").first.wait_for(timeout=WAIT_S * 1000)
    tab.await_true(lambda: GROUND in painted(tab, 0))
    film = Film(tab, height=830)
    film.shot("64 pages of a memfd, mapped private. Nothing is in memory yet.")

    def click(page: int, words: str, *, write: bool = False, card: int = 0) -> None:
        place = cell(tab, page, card=card)
        film.shot(words, pointer=place, seconds=1.5)
        tab.page.keyboard.down("Shift") if write else None
        tab.page.mouse.click(*place)
        tab.page.keyboard.up("Shift")
        tab.await_status(f"{'write' if write else 'read'}: page {page}")
        film.shot(words, pointer=place, seconds=3.5)

    click(5, "Click page 5: it is read.")
    click(7, "Shift-click page 7: it is written.", write=True)
    tab.ask("play.choose(32, 16)")
    tab.press("POPULATE_WRITE")
    tab.await_status("MADV_POPULATE_WRITE: pages 32 to 47")
    film.shot("Choose pages 32 to 47, press POPULATE_WRITE.", seconds=3.5)
    tab.press("fork")
    tab.page.locator(".prefault-title", has_text="The child's memory").wait_for()
    tab.await_true(lambda: tab.page.locator(".prefault-maps .bk-events").count() >= 2)
    tab.await_true(lambda: GROUND in painted(tab, 1))
    film.shot("Press fork: there is a child, with a page table of its own.", seconds=3.5)
    click(40, "Shift-click page 40 of the child.", write=True, card=1)
    show_film(film, "playground", tmp_path)


def test_a_moving_picture_of_a_review(tab: lab.Tab, tmp_path: Path) -> None:
    """A preset, Run, the verdict, where the time goes; a weight is moved and weighed again."""
    tab.switch(SCREENS)
    tab.show(REVIEW)
    film = Film(tab, height=790)
    tab.press("sparse-matrix")
    tab.page.locator(".prefault-note", has_text="The shared zero page").wait_for()
    run = tab.button("Run")
    press_run = "A case of your own, or a preset: a matrix of zeros that is read. Press Run."
    film.shot(press_run, pointer=middle(run), seconds=3.5)
    run.click()
    tab.await_status("repetition")
    for _ in range(4):
        film.shot("The ways to prefault take turns.", seconds=0.6, still=False)
        tab.page.wait_for_timeout(1000)
    tab.await_status("Done in", timeout_s=WAIT_S)
    tab.page.locator(".prefault-answer").wait_for()
    film.shot("The verdict, with its margin, and each way with its cost.", top=run, seconds=5)
    film.shot("Where the time goes.", top=tab.page.locator(".prefault-card").first, seconds=3.5)
    handle = tab.page.locator(".prefault-weight", has_text="start-up").locator(".noUi-handle")
    handle.focus()
    tab.page.keyboard.press("End")
    tab.await_true(lambda: tab.ask("model.startup") == "100.0")
    weighed = "Let start-up cost a hundred times as much: weighed again, without another run."
    film.shot(weighed, top=run, pointer=middle(handle), seconds=5)
    show_film(film, "review", tmp_path)


@pytest.mark.needs("own_mounts")
def test_a_device_is_clicked_until_its_memory_runs_out(tab: lab.Tab) -> None:
    """A block is plugged; all is more than there is, and nothing more is plugged; all goes back."""
    tab.switch(SCREENS)
    tab.show(DEVICE)
    tab.press("7")
    tab.await_status("Block 7 is plugged")
    plugged = tab.page.locator(".prefault-plugged")
    assert plugged.all_inner_texts() == ["7"]
    tab.press("Plug all")
    tab.await_status("cannot be plugged (EFAULT)")
    assert plugged.all_inner_texts() == ["7"]
    assert tab.page.locator(".prefault-failed-block").count() == 1
    tab.press("Unplug all")
    tab.await_status("All memory has been released")
    assert plugged.count() == 0
    assert tab.overflowing() == []
    assert tab.abroad == []
    assert tab.complaints == []


def test_a_kernel_is_chosen_by_what_one_relies_on(tab: lab.Tab) -> None:
    """A press changes the answer and the figure; a cell tells on hovering what was seen there."""
    tab.switch(SCREENS)
    tab.show(TRUTH_TABLE)
    tab.page.locator(".prefault-card canvas").first.wait_for(timeout=WAIT_S * 1000)
    answer = tab.page.locator(".prefault [role=status]")
    answer.filter(has_text="holds on Linux 6.18").wait_for()
    for name in ("populating", "an error, no SIGBUS", "the zero page"):
        tab.press(name)
    tab.press("btrfs")
    answer.filter(has_text="holds on Linux 7.2").wait_for()
    box = tab.page.locator(".prefault-card canvas").first.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + box["width"] - 40, box["y"] + box["height"] - 30)
    tab.page.locator(".prefault-tip", has_text="folio-maps-whole").wait_for()
    assert tab.overflowing() == []
    assert tab.abroad == []
    assert tab.complaints == []


def test_a_process_is_watched(tab: lab.Tab) -> None:
    """A click on a bar shows the pages of its mapping; faults appear while they are taken."""
    tab.switch(SCREENS)
    tab.show(PROCESS)
    card = tab.page.locator(".prefault-card").first
    card.locator("canvas").first.wait_for(timeout=WAIT_S * 1000)
    row = int(tab.ask("[each.address for each in model.overview.largest].index(buffer_address)"))
    box = card.locator("canvas").first.bounding_box()
    assert box
    down = FIRST_LINE_Y + row * plot.ROW_PX
    tab.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + down)
    tab.page.locator(".prefault-note", has_text="64 MiB; a cell is").wait_for()
    assert tab.ask("model.address == buffer_address") == "True"
    tab.await_true(lambda: PALE_BLUE in painted(tab, 2))
    tab.press("Watch")
    tab.await_status("Watching")
    ends = iter(range(1 << 17, 64 << 20, 1 << 17))
    tab.await_true(lambda: tab.ask(TOUCHED.format(end=next(ends))) == "True")
    tab.await_true(lambda: BLUE in painted(tab, 1))
    tab.press("Stop")
    tab.await_true(lambda: tab.ask("model.watching") == "False")
    snapshot(tab, "process")
    assert tab.overflowing() == []
    assert tab.abroad == []
    assert tab.complaints == []


@pytest.mark.needs("tracing")
def test_a_program_is_tried_and_another_is_stopped(tab: lab.Tab) -> None:
    """A command is typed and run: an answer, a picture, tables. Stop ends one that never would."""
    tab.switch(SCREENS)
    tab.show(TRIAL)
    tab.press("your own")
    own = tab.page.get_by_label("Command", exact=True)
    own.fill("sleep 1000")
    own.press("Enter")
    tab.press("Run")
    tab.await_status("lists the mappings")
    assert tab.ask("model.running") == "True"
    tab.press("Stop")
    tab.await_status("Stopped after")
    own.fill(f"{shlex.quote(sys.executable)} -S -c 'bytearray(1 << 22)'")
    own.press("Enter")
    tab.page.locator(".prefault").get_by_text("More", exact=True).click()
    repeats = tab.page.get_by_label("Repetitions")
    repeats.fill("2")
    repeats.press("Enter")
    tab.page.get_by_label("Candidates").select_option(["POPULATE_WRITE"])
    tab.press("Run")
    tab.await_status("Done in", timeout_s=WAIT_S)
    assert (
        tab.ask("model.answer[0]").strip("'\"")
        == tab.page.locator(".prefault-answer b").inner_text()
    )
    drawn = tab.page.locator(".prefault svg[role=img]")
    assert drawn.locator("text", has_text="POPULATE_WRITE").count() == 1
    for width in (700, 1600):
        tab.page.set_viewport_size({"width": width, "height": 2300})
        tab.await_true(lambda: tab.overflowing() == [])
        snapshot(tab, f"trial-{width}-px")
    ink = drawn.evaluate(INK_OF)
    tab.command("apputils:change-theme", theme="JupyterLab Dark")
    tab.await_true(lambda: drawn.evaluate(INK_OF) > ink)
    snapshot(tab, "trial-dark")
    tab.command("apputils:change-theme", theme="JupyterLab Light")
    tab.page.locator(".prefault").get_by_text("Mappings", exact=True).click()
    tab.page.locator(".prefault td", has_text="anonymous private").first.wait_for()
    path = tab.page.get_by_label("Export as")
    path.fill("tried.html")
    path.press("Enter")
    tab.press("Export")
    tab.await_status("Wrote tried.html")
    assert tab.overflowing() == []
    assert tab.abroad == []
    assert tab.complaints == []

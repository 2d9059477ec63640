"""The pictures of the README, taken of the screens anew: ``python -m tests.screens.pictures DIR``.

Two of them show what was recorded; the explorer and the latency probe measure on this machine. The
moving ones are tests (``-k moving_picture``).
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat

from tests.screens import lab
from tests.screens.cells import EXPLORER, PROBE, TRIAL, TRUTH_TABLE

DATA = Path(__file__).parents[2] / "data"
NOTEBOOK = "pictures.ipynb"
RECORDED = f"""{TRIAL}
from prefault_kit.studies.trial import record

model.trial = record.load("{DATA}/runs/try-python-linux-6.18-amd-epyc-2cpu.json")
"""
MARGIN = 8


def explorer(tab: lab.Tab) -> None:
    """A file that programs share, by every method."""
    for label in ("file", "shared", "Compare methods"):
        tab.press(label)
    tab.await_status("Done in")
    tab.page.get_by_label("Looking at").select_option(index=9)
    tab.page.locator(".prefault-summary", has_text="FALLOCATE+POPULATE_READ").wait_for()


def latency(tab: lab.Tab) -> None:
    """A file, and a sync halfway."""
    for label in ("file", "sync", "10 s", "Run"):
        tab.press(label)
    tab.await_status("Done in")


def trial(tab: lab.Tab) -> None:
    """Recorded; what is below its picture is left out."""
    tab.page.get_by_text("HUGEPAGE, again", exact=True).wait_for()
    below = ".widget-html:has(.prefault-picture) ~ *"
    tab.page.add_style_tag(content=f"{below} {{ display: none !important }}")


def kernels(tab: lab.Tab) -> None:
    """Recorded; a program that relies on more than others."""
    for label in ("snapshots", "read errors", "special mappings"):
        tab.press(label)
    tab.page.get_by_text("Not on every recent kernel").wait_for()


PICTURES: dict[str, tuple[str, Callable[[lab.Tab], None]]] = {
    "explorer": (EXPLORER, explorer),
    "watch": (PROBE, latency),
    "trial": (RECORDED, trial),
    "kernels": (TRUTH_TABLE, kernels),
}


def take(tab: lab.Tab, path: Path, code: str, prepare: Callable[[lab.Tab], None]) -> None:
    """One picture: of the screen alone, once nothing moves any more."""
    tab.show(code)
    prepare(tab)
    tab.page.mouse.move(0, 0)
    tab.page.wait_for_timeout(2000)
    box = tab.page.locator(".prefault").first.bounding_box()
    clip = {"x": box["x"] - MARGIN, "y": box["y"] - MARGIN,
            "width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN}  # fmt: skip
    tab.page.screenshot(path=path, clip=clip)


def main(target: Path) -> None:
    """All of them, into this directory."""
    with tempfile.TemporaryDirectory() as name:
        root, scratch = Path(name) / "served", Path(name) / "lab"
        root.mkdir()
        lab.write_notebook(root / NOTEBOOK, nbformat.v4.new_code_cell())
        with (
            lab.server(root, scratch) as server,
            lab.browser() as chromium,
            lab.tab(chromium, width=1400, height=2400) as tab,
        ):
            tab.open(server.url(NOTEBOOK))
            tab.command("application:toggle-left-area")
            for each, (code, prepare) in PICTURES.items():
                take(tab, target / f"{each}.png", code, prepare)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

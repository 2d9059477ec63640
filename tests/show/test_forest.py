"""prefault_kit.show.forest: ratios as a picture."""

import io
from pathlib import Path

from PIL import Image

from prefault_kit.show import forest
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.conclusions import CLAIMS, SMALL
from prefault_kit.studies.grid.warm_cache import Fit

RUN = Path(__file__).parents[2] / "data" / "runs" / "linux-6.18-amd-epyc-2cpu.csv"


def test_a_row_a_memory_a_colour_a_column() -> None:
    """Each memory of each claim has its row; published and recorded have their colours."""
    drawn = forest.forest(CLAIMS[:2], 2 << 20, {"recorded": table_file.read(RUN)})
    assert len(drawn.rows) == sum(len(each.memories) for each in CLAIMS[:2])
    image = Image.open(io.BytesIO(drawn._repr_png_())).convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 20) or []}
    for name in forest.COLOURS[:2]:
        assert tuple(bytes.fromhex(name[1:])) in colours
    assert tuple(bytes.fromhex(forest.COLOURS[2][1:])) not in colours


def test_what_has_no_figure_has_no_row() -> None:
    """At a size that was never published and not run nothing is drawn."""
    assert forest.forest(CLAIMS[:1], 1 << 20, {"here": []}).rows == []


def test_a_published_row_is_drawn_between_the_two_states() -> None:
    """Three marks a row, each in its colour."""
    fit = Fit(("private", "memfd", SMALL), "Read", 2 << 20, published=0.15, empty=2.0, cached=0.2)
    drawn = forest.states([fit])
    ((label, marks),) = drawn.rows
    assert label == "Read, private memfd"
    assert {title: mark.ratio for title, mark in marks.items() if mark} == {
        "published": 0.15,
        "empty": 2.0,
        "cached": 0.2,
    }
    image = Image.open(io.BytesIO(drawn._repr_png_())).convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 20) or []}
    assert {tuple(bytes.fromhex(each[1:])) for each in forest.COLOURS[:3]} <= colours

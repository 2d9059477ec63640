"""How the words of a playground's strips look: a colour and a hatch for each, beside those of maps.

Colours alone would not do: who does not tell them apart sees the hatch.
"""

from __future__ import annotations

from prefault_kit.kernel import blocks
from prefault_kit.show.page_map import COLOURS
from prefault_kit.show.palette import BLUE, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from prefault_kit.studies.playground.strips import ABSENT, BEYOND, CACHE, STORAGE, TABLE

NOTHING = COLOURS[ABSENT]
EXPECTED = "expected"
TITLES = {
    "table": "page table",
    EXPECTED: "the page table as you expect it",
    "cache": "page cache",
    "storage": "storage",
    "access": "what may be done",
}
"""The strips, from top to bottom."""
LOOKS: dict[str, tuple[str, str]] = {
    **{word: (COLOURS.get(word, GREY), " ") for word in TABLE},
    "zero page": (SKY, "."),
    "huge zero page": (YELLOW, "."),
    "anonymous": (COLOURS["anonymous"], "/"),
    "huge": (PURPLE, "+"),
    "swapped": (ORANGE, "-"),
    "guard": ("#333333", "x"),
    "not cached": (NOTHING, " "),
    "cached": (BLUE, " "),
    "dirty": (VERMILLION, "/"),
    "in write-back": (PURPLE, "|"),
    blocks.HOLE: (NOTHING, " "),
    "to be allocated": (ORANGE, "."),
    "reserved": (SKY, "-"),
    "data": (BLUE, " "),
    BEYOND: ("#9a9a9a", "x"),
    "none": ("#333333", "x"),
    "protected": (VERMILLION, "|"),
    "locked": (PURPLE, "+"),
    "r": (YELLOW, "-"),
    "rw": (NOTHING, " "),
}
"""A word, its colour, and its hatch in Bokeh's letters."""
HATCHES = tuple(sorted({hatch for _, hatch in LOOKS.values()} - {" "}))
WORDS = {
    "table": TABLE,
    "cache": (*CACHE, BEYOND),
    "storage": (*STORAGE, BEYOND),
    "access": ("rw", "r", "none", "locked", "protected"),
}
"""The words of each strip."""


def look(word: str) -> tuple[str, str]:
    """The colour and the hatch of a word; of several words, those of the one that matters most."""
    if word in LOOKS:
        return LOOKS[word]
    parts = word.split()
    return next((LOOKS[each] for each in LOOKS if each in parts), (GREY, " "))

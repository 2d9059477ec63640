"""The prose of notebooks 10 to 17: measured figures belong in tables and verdicts."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("1*.ipynb"))
NUMBER = r"(?:\d[\d.,]*|half|two|three|four|five|six|seven|eight|nine|ten|twenty|hundred|thousand)"
MEASURED = re.compile(
    rf"\b{NUMBER}\s+(?:times|ms|us|s|(?:micro|milli)?seconds|per cent|%)(?![\w-])"
    rf"|\b{NUMBER} the time\b"
)
"""A time, or a ratio of times, as a sentence would say it."""
NOT_MEASURED = {
    "10-read-or-write.ipynb": {"million seconds"},
    "11-one-flag-or-two.ipynb": {"95%"},  # the confidence level
    "16-locking-and-real-time.ipynb": {"4 ms", "30 seconds"},  # a period; a default of the kernel
}


def paragraphs(path: Path) -> list[str]:
    """Those of the Markdown cells, each on one line."""
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return [" ".join(part.split()) for text in texts for part in text.split("\n\n")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_no_sentence_has_a_figure_that_no_run_holds(path: Path) -> None:
    """But of a source that it links, what the program does, or a setting."""
    found = {
        match[0]
        for paragraph in paragraphs(path)
        if "](https://" not in paragraph
        for match in MEASURED.finditer(paragraph)
    }
    assert found <= NOT_MEASURED.get(path.name, set())


@pytest.mark.parametrize(
    "sentence",
    [
        "**Holds**: eight times as long, and all of it.",
        "An mmap waited for 77 ms.",
        "and 8 per cent saved when all is used",
        "two threads take half the time",
        "both took about 2.5 ms by one thread",
    ],
)
def test_a_figure_in_a_sentence_is_noticed(sentence: str) -> None:
    """Those that were there once."""
    assert MEASURED.search(sentence)

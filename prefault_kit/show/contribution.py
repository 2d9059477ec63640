"""What a file to send says of a host and of its runs, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from prefault_kit.show.comparison import FACTS, fact
from prefault_kit.show.printable import printable_long
from prefault_kit.show.units import format_count
from prefault_kit.studies.comparison.contribution import columns
from prefault_kit.studies.comparison.facts import NONE
from prefault_kit.studies.comparison.recorded import GRID, Run

MOST_TEXTS = 20


def lines(run: Run) -> Iterator[str]:
    """Every fact of the host, then what there is of each cell or verdict, then its texts."""
    yield "of the host:"
    for name, value in run.host.items():
        yield f"  {FACTS[name]}: {fact(name, NONE if value is None else value)}"
    if not run.host:
        yield "  nothing"
    noun = "cell" if run.kind == GRID else "verdict"
    yield f"{format_count(run.size, noun)}, and of each:"
    yield f"  {', '.join(columns(run))}"
    texts = _texts(run)
    if texts:
        yield f"{format_count(len(texts), 'text')} of theirs:"
        yield from (f"  {printable_long(each)}" for each in texts[:MOST_TEXTS])
        if len(texts) > MOST_TEXTS:
            yield f"  and {len(texts) - MOST_TEXTS} more, in the file"


def _texts(run: Run) -> list[str]:
    """Messages and notes of cells, reasons of verdicts, each once."""
    said = [text for each in run.results for text in (each.message, *each.notes) if text]
    said += [each.reason for each in run.answers if each.reason]
    return list(dict.fromkeys(said))

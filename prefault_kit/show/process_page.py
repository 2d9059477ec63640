"""A process as a page: opens offline, loads nothing, and escapes whatever the process is called."""

from __future__ import annotations

from collections.abc import Sequence

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import process as show
from prefault_kit.show.page import render
from prefault_kit.show.page_map import COLOURS
from prefault_kit.show.units import format_count
from prefault_kit.studies.process import Changes, Diagnosis, Faults, Overview, PageMap

MOST_ROWS = 500
MOST_BARS = 40


def page(
    seen: Overview,
    diagnoses: Sequence[Diagnosis],
    *,
    changes: Changes | None = None,
    page_map: PageMap | None = None,
    seen_faults: Faults | None = None,
    beside: str = "",
) -> str:
    """A whole HTML page; ``beside`` names the JSON with all figures."""
    return render(
        "process_page.html",
        title=show.title(seen),
        command_line=show.printable(seen.command_line),
        totals=show.totals(seen),
        cost=show.cost(seen),
        diagnoses=[
            (each.level, show.printable_long(each.sentence), show.printable_long(each.help or ""))
            for each in diagnoses
        ],
        missing=[str(each) for each in seen.missing],
        columns=show.COLUMNS,
        numbers=show.NUMBERS,
        rows=show.rows(seen, MOST_ROWS),
        bars=_bars(seen),
        changes=show.changed(changes) if changes else [],
        faults=show.faults(seen_faults) if seen_faults else [],
        fault_tables=_fault_tables(seen_faults) if seen_faults else [],
        map_title=_map_title(page_map) if page_map else None,
        map_cells=_map_cells(page_map) if page_map else [],
        map_words=show.folio_words(page_map) if page_map else None,
        beside=beside,
    )


def _fault_tables(found: Faults) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    return [
        ("By mapping", show.FAULT_COLUMNS, show.fault_rows(found)),
        ("By place", ("minor", "major", "by", "called from"), show.place_rows(found)),
    ]


def _bars(seen: Overview) -> list[tuple[str, str, float, float]]:
    """The largest mappings to scale: a title, its figures, and percent of the largest in memory."""
    largest = [each for each in seen.largest[:MOST_BARS] if each.resident_bytes]
    most = max((each.resident_bytes or 0 for each in largest), default=0)
    bars = []
    for each in largest:
        resident = each.resident_bytes or 0
        own = (each.anonymous_pages or 0) * PAGE_SIZE_BYTES
        bars.append(
            (
                f"{show.printable(each.title)} at {each.address:x}",
                format_bytes(resident),
                100 * min(own, resident) / most,
                100 * max(0, resident - own) / most,
            )
        )
    return bars


def _map_title(found: PageMap) -> str:
    mapping = found.mapping
    pages = format_count(found.pages_per_cell, "page")
    return f"{show.printable(mapping.title)} at {mapping.address:x}: each cell is {pages}"


def _map_cells(found: PageMap) -> list[tuple[str, str]]:
    """The colour and the word of each cell."""
    count = found.mapping.size_bytes // PAGE_SIZE_BYTES
    cells = []
    for at, each in enumerate(found.cells):
        pages = min(found.pages_per_cell, count - at * found.pages_per_cell)
        word, mostly = show.cell_word(each, pages)
        cells.append((COLOURS[word], word if mostly else f"{word}, less than half"))
    return cells

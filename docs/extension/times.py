"""Whether populating is faster than touching: the recorded grid of one machine, as a table."""

from __future__ import annotations

from pathlib import Path

from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import table
from prefault_kit.show.units import format_ms
from prefault_kit.studies.grid import table_file

RUNS = Path(__file__).resolve().parents[2] / "data/runs"
RECORDED = RUNS / "linux-6.18-amd-epyc-2cpu.csv"
SIZE_BYTES = 4 << 30
METHODS = ("Read", "POPULATE_READ", "Write", "POPULATE_WRITE")


def pages() -> dict[str, str]:
    """What the page on measuring includes."""
    return {"measured/_times.md": table(("memory of 4 GiB", *METHODS), rows()) + "\n"}


def recorded() -> list[Result]:
    """The cells of this size and these methods that have a time."""
    return [
        each
        for each in table_file.read(RECORDED)
        if each.size_bytes == SIZE_BYTES and each.method in METHODS and each.outcome == "ok"
    ]


def rows() -> list[tuple[str, ...]]:
    """A row for each kind of memory: the best time of each method, in words."""
    best: dict[str, dict[str, str]] = {}
    for each in recorded():
        kind = f"{each.sharing} {each.backing}, pages of {format_bytes(each.page_size_bytes)}"
        best.setdefault(kind, {})[each.method] = format_ms(each.best_ms or 0.0)
    return [(kind, *(found.get(name, "") for name in METHODS)) for kind, found in best.items()]

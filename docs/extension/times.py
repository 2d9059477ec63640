"""Whether populating is faster than touching: the recorded grid of one machine, as a table."""

from __future__ import annotations

import csv
from pathlib import Path

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import table
from prefault_kit.show.units import format_ms

RECORDED = Path(__file__).resolve().parents[2] / "data/runs/linux-6.18-amd-epyc-2cpu.csv"
SIZE_BYTES = 4 << 30
METHODS = ("Read", "POPULATE_READ", "Write", "POPULATE_WRITE")


def pages() -> dict[str, str]:
    """What the page on measuring includes."""
    return {"measured/_times.md": table(("memory of 4 GiB", *METHODS), rows()) + "\n"}


def rows() -> list[tuple[str, ...]]:
    """A row for each kind of memory: the best time of each method, in words."""
    best: dict[str, dict[str, str]] = {}
    with RECORDED.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["size_bytes"]) == SIZE_BYTES and row["outcome"] == "ok":
                pages_of = format_bytes(int(row["page_size_bytes"]))
                kind = f"{row['sharing']} {row['backing']}, pages of {pages_of}"
                best.setdefault(kind, {})[row["method"]] = format_ms(float(row["best_ms"]))
    return [(kind, *(times.get(name, "") for name in METHODS)) for kind, times in best.items()]

"""Recorded runs made of one that is: other times, another host."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefault_kit.measure import running, saved, table_file
from prefault_kit.studies.grid.table_file import row

RUN = Path(__file__).parents[3] / "data" / "runs" / "linux-6.18-amd-epyc-2cpu.csv"
KERNELS = Path(__file__).parents[3] / "data" / "kernels"


def jittered(path: Path, seed: int, *, factor: float = 1.0, cells: int = 190, **host: Any) -> Path:
    """A table like the recorded one, each time of it some per cent off, and its host file."""
    chance = random.Random(seed)
    table_file.create(path)
    rows = []
    for each in table_file.read(RUN)[:cells]:
        times = [round(time * factor * chance.uniform(0.98, 1.02), 6) for time in each.timings_ms]
        rows.append(row(running.timed(replace(each, timings_ms=[]), times)))
    table_file.append(path, rows)
    about = json.loads(RUN.with_suffix(".host.json").read_text())
    about["host"] |= host
    saved.write_json(path.with_suffix(".host.json"), about)
    return path

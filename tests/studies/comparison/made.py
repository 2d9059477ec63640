"""Recorded runs made of one that is: other times, another host."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefault_kit.measure import running, saved, table_file
from prefault_kit.measure.result import Result
from prefault_kit.studies.comparison import Answer, Run
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


def answer(name: str = "a", verdict: str = "holds", **known: Any) -> dict[str, Any]:
    """A verdict as ``check --json`` prints it."""
    about = {"id": name, "source": "s", "claim": "c", "backing": "private anon", "expected": "1"}
    return about | {"verdict": verdict, "observed": "1", "reason": None} | known


def result(*times: float, method: str = "Read", **known: Any) -> Result:
    """A cell of 2 MiB of private anonymous memory, with these times."""
    cell: dict[str, Any] = {
        "backing": "anon",
        "page_size_bytes": 4096,
        "sharing": "private",
        "size_bytes": 2 << 20,
        "start": "empty",
        "threads": 1,
        "repeats": len(times) or 1,
        "outcome": "ok" if times else "unavailable",
    }
    return running.timed(Result(method=method, **(cell | known)), times)


def grid(name: str, *results: Result, **host: Any) -> Run:
    """A run of cells."""
    return Run(name, "grid", {"kernel": "6.1", "page_size_bytes": 4096} | host, results)


def verdicts(name: str, *answers: dict[str, Any], **host: Any) -> Run:
    """A run of verdicts."""
    made = tuple(Answer(**each) for each in answers)
    return Run(name, "verdicts", {"kernel": "6.1"} | host, answers=made)

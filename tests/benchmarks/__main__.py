"""Measure every budget: ``python -m tests.benchmarks``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from prefault_kit.kernel.proc import meminfo
from prefault_kit.memory.sizes import format_bytes, parse_bytes
from prefault_kit.studies.grid.cells import Grid

from . import (
    attached,
    comparison,
    explorer,
    faults,
    fleet,
    harness,
    lockstep,
    plain,
    playground,
    prefault,
    report,
    start,
    suite,
    trial,
    views,
)
from .findings import Finding, NotMeasured
from .lockstep import Compared, Skipped

PARTS = (
    "start", "click", "faults", "stop", "views", "attach", "prefault", "trial", "compare", "fleet",
    "matrix", "cells",
)  # fmt: skip
SIZE_BYTES = 4 << 30
"""Of the mapping that is looked at, and that is stopped midway."""
WIDTH = 150
"""Of the tables, in columns, where no terminal says."""
COMPARED = 50
"""Recorded runs."""
FLEET_ROUNDS = 6
"""Of a grid by the command and by a fleet, after a warm-up."""
TRIAL_ROUNDS = 7
"""Of each program that is traced, after a warm-up."""
SMALL_BYTES = 16 << 20
"""Cells up to this size are quick, and run more rounds."""


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure every budget of the kit; nothing fails when one is not met.",
    )
    parser.add_argument("--sizes", default="2MiB,256MiB", help="of the cells (default %(default)s)")
    parser.add_argument(
        "--full", action="store_true", help="cells of 2 MiB and 4 GiB: an hour or two"
    )
    parser.add_argument(
        "--only",
        default=",".join(PARTS),
        help="parts to measure, of %(default)s",
    )
    parser.add_argument(
        "--pattern", action="append", default=[], help="only cells named by it, as for the matrix"
    )
    parser.add_argument("--rounds", type=int, default=20, help="at least, of a small cell")
    parser.add_argument("--large-rounds", type=int, default=5, help="at least, of a large cell")
    parser.add_argument("--dir", default=".", help="where the files of the file cells lie")
    parser.add_argument("--tmpfs", help="a directory on tmpfs (default: found)")
    parser.add_argument("--hugetlbfs", help="a directory on hugetlbfs (default: found)")
    parser.add_argument("--make-test", action="store_true", help="also take the time of make test")
    parser.add_argument("--cells", action="store_true", help="show every cell, not the farthest")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    chosen = parser.parse_args(words)
    chosen.only = chosen.only.split(",")
    unknown = set(chosen.only) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose of {', '.join(PARTS)}")
    try:
        chosen.sizes = [parse_bytes(size) for size in chosen.sizes.split(",")]
        if chosen.full:
            chosen.sizes = [2 << 20, 4 << 30]
        _grid(chosen, *chosen.sizes).cells()
    except ValueError as error:
        parser.error(str(error))
    return chosen


def _compare(chosen: argparse.Namespace, console: Console) -> list[Compared | Skipped]:
    found: list[Compared | Skipped] = []
    with tempfile.TemporaryDirectory() as directory, Progress(console=console) as progress:
        program = plain.build(Path(directory))
        for size in chosen.sizes:
            cells = _grid(chosen, size).cells()
            rounds = chosen.rounds if size <= SMALL_BYTES else chosen.large_rounds
            task = progress.add_task(f"cells of {format_bytes(size)}", total=len(cells))
            for cell in lockstep.compare_all(program, cells, rounds):
                found.append(cell)
                progress.advance(task)
    return found


def _grid(chosen: argparse.Namespace, *sizes: int) -> Grid:
    return Grid(
        sizes_bytes=sizes,
        only=tuple(chosen.pattern),
        directory=chosen.dir,
        tmpfs_directory=chosen.tmpfs,
        hugetlbfs_directory=chosen.hugetlbfs,
    )


def _others(chosen: argparse.Namespace) -> Iterator[Finding | NotMeasured]:
    """Everything but the cells."""
    if "start" in chosen.only:
        yield start.importing(10)
        yield start.worker(10)
    if "click" in chosen.only:
        yield from explorer.clicking(10)
        yield from playground.touching(100)
    if "faults" in chosen.only:
        yield from faults.streaming(5)
        yield from faults.budgeting(15)
    if "compare" in chosen.only:
        yield from comparison.comparing(COMPARED)
    if "fleet" in chosen.only:
        yield from fleet.adding(FLEET_ROUNDS)
    if "trial" in chosen.only:
        yield from trial.tracing(TRIAL_ROUNDS)
    large: dict[str, Callable[[], Iterator[Finding]]] = {
        "stop": lambda: explorer.stopping(SIZE_BYTES, chosen.dir, 3),
        "views": lambda: views.looking(SIZE_BYTES, 3),
        "attach": lambda: attached.attaching(SIZE_BYTES, 15),
    }
    for part, measure in large.items():
        if part not in chosen.only:
            continue
        if meminfo()["MemAvailable"] > SIZE_BYTES * 5 // 4:
            yield from measure()
        else:
            yield NotMeasured(
                part, f"needs {format_bytes(SIZE_BYTES * 5 // 4)} of available memory"
            )
    if "prefault" in chosen.only:
        with tempfile.TemporaryDirectory() as directory:
            yield from prefault.prefaulting(Path(directory), 64 << 20, 2 * chosen.rounds)
    if "matrix" in chosen.only:
        yield harness.overhead(_grid(chosen, *chosen.sizes))
    if chosen.make_test:
        yield suite.testing()


def main(words: Sequence[str] | None = None) -> None:
    """Measure, show, save."""
    chosen = arguments(words)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    findings: list[Finding | NotMeasured] = []
    cells: list[Compared | Skipped] = []
    for finding in _others(chosen):
        findings.append(finding)
        console.print(f"[dim]measured: {finding.budget}[/]")
    if "cells" in chosen.only:
        cells = _compare(chosen, console)
        for size in reversed(chosen.sizes):
            findings[:0] = report.judge(cells, size)
    report.show_cells(console, cells, chosen.cells)
    report.show_findings(console, findings)
    if chosen.json:
        report.save(chosen.json, findings, cells)


if __name__ == "__main__":
    main()

"""``prefault`` and ``preallocate`` against the plain-C call with the same threads, turn by turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

from prefault_kit.kernel.timed import Work
from prefault_kit.measure.experiment import Experiment
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.preallocation import preallocate
from prefault_kit.memory.prefault import prefault
from prefault_kit.memory.sizes import format_bytes

from . import plain
from .findings import Finding
from .lockstep import one_cpu, warm_up

CASES = (
    (Backing.anon(), "private", "POPULATE_WRITE"),
    (Backing.anon(), "private", "POPULATE_READ"),
    (Backing.memfd(), "shared", "POPULATE_WRITE"),
    (Backing.memfd(), "shared", "POPULATE_READ"),
)
THREADS = (1, 2)


def prefaulting(directory: Path, size_bytes: int, least: int) -> Iterator[Finding]:
    """The best times over C's, of fresh mappings; the detail has the whole call with its looking."""
    program = plain.build(directory)
    warm_up(size_bytes)
    for backing, sharing, method in CASES:
        for threads in THREADS:
            cell = Experiment(backing, sharing, method, size_bytes=size_bytes, threads=threads)
            with one_cpu() if threads == 1 else nullcontext():
                yield from _case(program, cell, least)


def _case(program: Path, cell: Experiment, rounds: int) -> Iterator[Finding]:
    access = "read" if cell.method.endswith("READ") else "write"
    calls: dict[str, Callable[[Mapping], Work]] = {
        "prefault": lambda memory: prefault(memory, access, threads=cell.threads).work
    }
    if access == "write":
        calls["preallocate"] = lambda memory: preallocate(memory, cell.threads).work
    names = [*calls, "C", "C again"]
    times: dict[str, list[float]] = {name: [] for name in names}
    whole: dict[str, list[float]] = {name: [] for name in calls}
    with ExitStack() as stack:
        sides = {
            name: stack.enter_context(plain.PlainCell(program, cell)) for name in ("C", "C again")
        }
        for number in range(rounds + 1):  # the first is a warm-up
            for turn in range(len(names)):
                name = names[(number + turn) % len(names)]
                if name in sides:
                    elapsed_ns: float = sides[name].repeat()
                else:
                    with Mapping(cell.backing, cell.size_bytes, cell.sharing) as memory:
                        began = time.perf_counter_ns()
                        elapsed_ns = calls[name](memory).elapsed_ns
                        ended = time.perf_counter_ns()
                    if number:
                        whole[name].append(ended - began)
                if number:
                    times[name].append(elapsed_ns)
    best = {name: min(each) for name, each in times.items()}
    for name in calls:
        yield Finding(
            f"{name} over plain C, {format_bytes(cell.size_bytes)} {cell.sharing} "
            f"{cell.backing.kind} {cell.method}, threads: {cell.threads}",
            best[name] / best["C"],
            1.03,
            at_least=0.97,
            detail=f"C against C {best['C again'] / best['C']:.3f}; the whole call "
            f"{min(whole[name]) / best['C']:.3f}",
        )

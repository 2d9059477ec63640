"""What the tracer of a trial costs, and advice that it puts in beside advice of a program's own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace

from prefault_kit.kernel.syscalls import ADVICE, PAGE_SIZE_BYTES
from prefault_kit.kernel.tracer import LEAST_BYTES, Rule, Tracer
from prefault_kit.memory.sizes import format_bytes
from tests.kernel import traced

from .findings import Finding, NotMeasured
from .lockstep import one_cpu
from .plain import compiler

PATIENCE_S = 600
Way = tuple[tuple[str, ...], bool, tuple[Rule, ...]]
"""A command, whether it is traced, and the rules."""


def _write(size_bytes: int, times: int, advice: int = 0) -> tuple[str, ...]:
    """Map so much, write all of it, unmap it, so many times; perhaps with advice of its own."""
    pages = size_bytes // PAGE_SIZE_BYTES
    return (traced.program(), "write", str(pages), str(times), str(advice))


def _compare(budget: str, one: Way, other: Way, rounds: int, at_most: float) -> Finding:
    """The wall time of one over that of the other, in turns: of minima, and of medians beside."""
    times: tuple[list[int], list[int]] = ([], [])
    stops = 0
    for each in range(rounds + 1):
        for place in (0, 1) if each % 2 else (1, 0):
            command, is_traced, rules = (one, other)[place]
            with Tracer(command, rules, traced=is_traced) as running:
                if not running.wait(PATIENCE_S):
                    raise TimeoutError(budget)
            if each:
                times[place].append(running.end().wall_ns)
            stops = max(stops, running.end().stops)
    low = min(times[0]) / min(times[1])
    middle = statistics.median(times[0]) / statistics.median(times[1])
    detail = f"{rounds} rounds, {stops:,} stops; of medians {middle:.3f}"
    return Finding(budget, low, at_most, detail=detail)


def tracing(rounds: int) -> Iterator[Finding | NotMeasured]:
    """A program that maps often and one that does rarely, traced and not; advice put in and own.

    Once with every processor, and once with one: at each stop a processor falls asleep and another
    wakes up, which takes a virtual machine longer than the stop itself.
    """
    if compiler() is None:
        yield NotMeasured("a traced program", "no C compiler is here: sudo apt install gcc")
        return
    with one_cpu():
        for each in _findings(rounds):
            yield replace(each, budget=f"{each.budget}, on one processor")
    yield from _findings(rounds)


def _findings(rounds: int) -> Iterator[Finding]:
    seen: Sequence[Rule] = (Rule(),)  # stops at both ends of the call, and nothing is put in
    for size in (LEAST_BYTES // 4, LEAST_BYTES):
        command = _write(size, 10_000)
        yield _compare(
            f"traced over not: 10,000 mmaps of {format_bytes(size)}, written",
            (command, True, tuple(seen)),
            (command, False, ()),
            rounds,
            1.05,
        )
    command = _write(64 << 20, 30)
    yield _compare(
        "traced over not: 30 mmaps of 64 MiB, written",
        (command, True, tuple(seen)),
        (command, False, ()),
        rounds,
        1.01,
    )
    name = "MADV_POPULATE_WRITE"
    rule = Rule((name,), least_bytes=1 << 24, kinds=("anonymous private",))
    yield _compare(
        f"{name} put in over a program that has it: 30 mmaps of 64 MiB",
        (command, True, (rule,)),
        (_write(64 << 20, 30, ADVICE[name]), False, ()),
        rounds,
        1.03,
    )

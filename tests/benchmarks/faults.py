"""What observing page faults costs, and whether the stream keeps up with them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from prefault_kit import Backing, Mapping, fault_budget
from prefault_kit.host import features
from prefault_kit.kernel.faults import FaultStream

from .findings import Finding, NotMeasured

RATE = 200_000
"""Faults a second that the stream is to keep up with."""
BYTES = 32 << 20
QUIET_ROUNDS, LOUD_ROUNDS = 1500, 6
"""Touches of memory that is there, and of memory that is not: a tenth of a second and more."""
FAULTING = """
from prefault_kit import Backing, Mapping
print("ready", flush=True)
with Mapping(Backing.anon(), 32 << 20) as memory:
    while True:
        memory.touch_write()
        memory.advise("MADV_DONTNEED")
"""


def streaming(seconds: float) -> Iterator[Finding | NotMeasured]:
    """A program that does nothing but fault, read by one that takes records every 50 ms."""
    if missing := features.fault_events():
        yield NotMeasured("fault stream", missing.reason)
        return
    for stacks in (False, True):
        name = f"faults lost of a program that only faults{', with stacks' if stacks else ''}"
        program = subprocess.Popen([sys.executable, "-c", FAULTING], stdout=subprocess.PIPE)
        try:
            assert program.stdout
            program.stdout.readline()
            with FaultStream(program.pid, stacks=stacks) as stream:
                began, busy = time.monotonic(), -time.process_time()
                got = 0
                while time.monotonic() - began < seconds:
                    got += len(stream.read())
                    stream.wait(0.05)
                elapsed = time.monotonic() - began
                busy += time.process_time()
                stream.stop()
                got += len(stream.read())
                total = sum(stream.counts())
        finally:
            program.kill()
            program.wait()
            program.stdout.close()
        yield Finding(
            name,
            (total - got) / total,
            0.001,
            detail=f"{total / elapsed:,.0f} faults a second, {RATE:,} are asked for; the reader "
            f"took {busy / elapsed:.0%} of a processor; {stream.lost} told as lost",
            broken="" if total / elapsed >= RATE else "this machine does not fault so often",
        )


def budgeting(rounds: int) -> Iterator[Finding | NotMeasured]:
    """The same work with and without a budget, in turns; its own cost is included."""
    if missing := features.fault_events():
        yield NotMeasured("fault_budget", missing.reason)
        return
    pieces: dict[str, Callable[[Mapping], None]] = {
        "no faults": _quiet,
        "nothing but faults": _loud,
    }
    for thread in ("this", "all"):
        for name, piece in pieces.items():
            taken: dict[str, list[int]] = {"with": [], "without": []}
            for turn in range(rounds):
                for which in ("without", "with") if turn % 2 else ("with", "without"):
                    around: AbstractContextManager[object] = nullcontext()
                    if which == "with":
                        around = fault_budget(0, 1 << 20, thread=thread)
                    taken[which].append(_timed(piece, around))
            middle = {each: statistics.median(times[1:]) for each, times in taken.items()}
            best = {each: min(times[1:]) for each, times in taken.items()}
            yield Finding(
                f"processor time under fault_budget(thread={thread!r}) over time without: {name}",
                middle["with"] / middle["without"],
                1.02,
                detail=f"median {middle['without'] / 1e6:.1f} ms without; "
                f"best times {best['with'] / best['without']:.3f}",
            )


def _timed(piece: Callable[[Mapping], None], around: AbstractContextManager[object]) -> int:
    with Mapping(Backing.anon(), BYTES) as memory:
        if piece is _quiet:
            memory.populate_write()
        began = time.process_time_ns()
        with around:
            piece(memory)
        return time.process_time_ns() - began


def _quiet(memory: Mapping) -> None:
    for _ in range(QUIET_ROUNDS):
        memory.touch_write()


def _loud(memory: Mapping) -> None:
    for _ in range(LOUD_ROUNDS):
        memory.touch_write()
        memory.advise("MADV_DONTNEED")

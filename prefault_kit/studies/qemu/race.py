"""QEMU beside the kit: the same memory, preallocated by both in turn."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefault_kit import host
from prefault_kit.host import thp
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.worker import Event, Worker, listen
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.preallocation import preallocate
from prefault_kit.studies.qemu.monitor import QemuError
from prefault_kit.studies.qemu.process import KINDS, Qemu, why_not


@dataclass(frozen=True)
class Lap:
    """The same memory, by both."""

    kind: str
    threads: int
    size_bytes: int
    repetition: int
    """0 warms up."""
    qemu_ms: float
    kit_ms: float
    qemu_rss_bytes: int
    kit_rss_bytes: int


def _by_the_kit(kind: str, size_bytes: int, threads: int, directory: str) -> tuple[float, int]:
    """Milliseconds from before mmap until all is there, as QEMU is measured; and Rss."""
    huge = True if thp.size_bytes() else None  # QEMU advises MADV_HUGEPAGE
    began_ns = time.monotonic_ns()
    with Mapping(_backing(kind, directory), size_bytes, _sharing(kind), thp=huge) as memory:
        preallocate(memory, threads)
        elapsed_ms = (time.monotonic_ns() - began_ns) / 1e6
        return elapsed_ms, memory.usage().rss or 0


def _backing(kind: str, directory: str) -> Backing:
    name = "anon" if kind == "ram" else kind
    return Backing.of(name, directory=directory if kind == "file" else None)


def _sharing(kind: str) -> str:
    return "private" if kind == "ram" else "shared"


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """In the worker: every case by both, interleaved, each round beginning with another."""
    cases = [(kind, int(threads)) for kind in payload["kinds"] for threads in payload["threads"]]
    size_bytes, directory = payload["size_bytes"], payload["directory"]
    try:
        with Qemu() as qemu:
            yield {"version": qemu.version}
            for repetition, _, (kind, threads) in interleave(cases, payload["repeats"]):
                place = (kind, size_bytes, threads, directory)
                mine = _by_the_kit(*place) if repetition % 2 else None
                with qemu.backend(*place) as theirs:
                    pass
                mine = mine or _by_the_kit(*place)
                lap = Lap(
                    kind, threads, size_bytes, repetition, theirs.elapsed_ms, mine[0],
                    theirs.usage.rss or 0, mine[1],
                )  # fmt: skip
                yield {"lap": asdict(lap)}
    except (QemuError, OSError) as error:
        yield {"failed": str(error)}


def race(
    kinds: Sequence[str] = KINDS,
    threads: Sequence[int] = (1, 2),
    *,
    size_bytes: int = 1 << 30,
    repeats: int = 5,
    directory: str = ".",
    worker: Worker | None = None,
    on_lap: Callable[[Lap], object] | None = None,
) -> list[Lap]:
    """Let QEMU and the kit preallocate the same, turn by turn; the laps without the warm-up.

    QemuError says why in a sentence, also where there is no room for it.
    """
    for kind in kinds:
        if missing := why_not() or host.why_not(
            backing=_backing(kind, directory),
            sharing=_sharing(kind),
            method="POPULATE_WRITE",
            size_bytes=size_bytes,
            start="empty",
            threads=max(threads),
        ):
            raise QemuError(missing.reason)
    payload = {
        "kinds": list(kinds),
        "threads": list(threads),
        "size_bytes": size_bytes,
        "repeats": repeats,
        "directory": directory,
    }
    laps: list[Lap] = []

    def hear(event: Event) -> None:
        if "failed" in event:
            raise QemuError(event["failed"])
        if "lap" in event:
            lap = Lap(**event["lap"])
            laps.append(lap)
            if on_lap:
                on_lap(lap)

    listen(perform, payload, hear, worker)
    return [lap for lap in laps if lap.repetition]


def ratios(laps: Iterable[Lap], kind: str) -> dict[int, float]:
    """The kit's best time over QEMU's, of one kind of memory, by the number of threads."""
    best: dict[int, tuple[float, float]] = {}
    for lap in laps:
        if lap.kind == kind:
            kit_ms, qemu_ms = best.get(lap.threads, (math.inf, math.inf))
            best[lap.threads] = min(kit_ms, lap.kit_ms), min(qemu_ms, lap.qemu_ms)
    return {threads: kit_ms / qemu_ms for threads, (kit_ms, qemu_ms) in best.items()}


def save(laps: Iterable[Lap], path: str | os.PathLike[str]) -> None:
    """Write laps as JSON lines to a new file."""
    with open(path, "x", encoding="ascii") as file:
        file.writelines(json.dumps(asdict(lap)) + "\n" for lap in laps)


def read(path: str | os.PathLike[str]) -> list[Lap]:
    """The laps that :func:`save` wrote."""
    return [Lap(**json.loads(line)) for line in Path(path).read_text("ascii").splitlines()]

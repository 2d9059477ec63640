"""The explorer's answer times: its widgets and its model in this process, without a browser."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from prefault_kit.kernel.proc import meminfo
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.explorer import Explorer, ExplorerView, view

from .findings import Finding

PATIENCE_S = 120
HELD = 0.5
"""Stop is clicked when this part of the size is allocated."""
RELEASED = 0.9
"""Memory is released when this part of what was held is gone from the kernel's count. The rest is
left to what other processes do meanwhile."""

STOPPED = (
    ("anon", "private", "POPULATE_WRITE", ("AnonPages",)),
    ("memfd", "shared", "FALLOCATE", ("Shmem",)),
    ("file", "shared", "POPULATE_WRITE", ("Active(file)", "Inactive(file)")),
)
"""What is stopped: backing, sharing, method, and where /proc/meminfo counts its pages."""


def clicking(times: int) -> Iterator[Finding]:
    """Click Run for 2 MiB and 10 repetitions; the time until the chart has the finished run."""
    model = Explorer(size="2 MiB", repeats=10)
    try:
        screen = view(model)
        drawn = threading.Event()

        def changed(_: object) -> None:  # observes after the charts do, so they are drawn by now
            if model.live is None and model.result is not None:
                drawn.set()

        model.observe(changed, names="changed")
        taken = []
        for _ in range(times + 1):
            drawn.clear()
            began = time.perf_counter()
            screen.run.click()
            if not drawn.wait(PATIENCE_S):
                raise RuntimeError(f"no chart within {PATIENCE_S} s: {model.status}")
            taken.append((time.perf_counter() - began) * 1000)
            model.wait()
    finally:
        model.close()
    yield Finding(
        "Run clicked to chart updated: first click",
        taken[0],
        500,
        "ms",
        detail="starts the worker",
    )
    yield Finding(
        "Run clicked to chart updated: later clicks",
        statistics.median(taken[1:]),
        500,
        "ms",
        detail=f"best {min(taken[1:]):.0f} of {times}",
    )


def stopping(size_bytes: int, directory: str, times: int) -> Iterator[Finding]:
    """Click Stop while half of the size is populated; the time until the memory is released and the
    page says so. The file lies in ``directory``.

    The kernel's counts are of the whole machine, so others disturb them: the best of ``times``.
    """
    for backing, sharing, method, counters in STOPPED:
        model = Explorer(
            backing=backing,
            sharing=sharing,
            method=method,
            size=format_bytes(size_bytes),
            repeats=1,
            directory=directory if backing == "file" else "",
            follow_up=False,
        )
        try:
            screen = view(model)
            stops = [_stop(model, screen, counters, size_bytes) for _ in range(times)]
        finally:
            model.close()
        held, released_ms, told_ms = min(stops, key=lambda each: max(each[1:]))
        yield Finding(
            f"Stop clicked to memory released: {format_bytes(size_bytes)} {sharing} {backing} "
            f"{method}",
            max(released_ms, told_ms),
            1000,
            "ms",
            detail=f"{format_bytes(held)} held; released {released_ms:.0f}, told {told_ms:.0f}; "
            f"best of {times}",
        )


def _stop(
    model: Explorer, screen: ExplorerView, counters: Sequence[str], size_bytes: int
) -> tuple[int, float, float]:
    """Bytes held at the click, milliseconds until released, and until told."""
    ended: list[float] = []
    before = _count(counters)
    screen.run.click()
    _await(lambda: not model.running or _count(counters) - before > HELD * size_bytes, model)
    if not model.running:
        raise RuntimeError(f"it ended before it could be stopped: {model.status}")

    def note(_: object) -> None:
        ended.append(time.perf_counter())

    model.observe(note, names="running")
    held = _count(counters) - before
    began = time.perf_counter()
    screen.stop.click()
    _await(lambda: _count(counters) - before < (1 - RELEASED) * held, model)
    released = time.perf_counter()
    model.wait()
    model.unobserve(note, names="running")
    return held, (released - began) * 1000, (ended[-1] - began) * 1000


def _await(condition: Callable[[], bool], model: Explorer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {PATIENCE_S} s in vain: {model.status}")
        time.sleep(0.001)


def _count(names: Sequence[str]) -> int:
    """The sum of some figures of /proc/meminfo, in bytes."""
    now = meminfo()
    return sum(now[name] for name in names)

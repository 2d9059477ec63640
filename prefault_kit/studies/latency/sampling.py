"""What the worker does: touch a page of each mapping once a period, each touch timed in C.

The order of the mappings rotates from period to period, so that none is always the first after a
pause.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from prefault_kit.measure.forked import beside
from prefault_kit.measure.steps import do
from prefault_kit.measure.worker import Event
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.latency.events import FORK, NO_EVENT, trigger
from prefault_kit.studies.latency.preparations import PREPARATIONS, SHARINGS

SEED = 2021
"""Of the order in which pages are touched."""


def sample(payload: dict[str, Any]) -> Iterator[Event]:
    """Prepare the mappings and touch them.

    Yields ``refused`` and ``reason`` for each preparation that fails or that the event cannot
    happen to. Otherwise yields, once a slot, how many ``touches`` each mapping has had, and the
    slot's ``waits_ns`` and ``faults`` by preparation.
    """
    backing = Backing(**payload["backing"])
    with contextlib.ExitStack() as stack:
        mappings = {}
        for name in payload["preparations"]:
            try:
                memory = stack.enter_context(
                    Mapping(backing, payload["size_bytes"], SHARINGS[backing.kind])
                )
                for step in PREPARATIONS[name]:
                    do(memory, step, threads=1)
            except OSError as error:
                yield {"refused": name, "reason": f"cannot be prepared: {_text(error)}"}
            else:
                mappings[name] = memory
        yield from _touch(payload, mappings, stack)


def _touch(
    payload: dict[str, Any], mappings: dict[str, Mapping], stack: contextlib.ExitStack
) -> Iterator[Event]:
    import numpy

    touches, slot = payload["touches"], payload["slot_touches"]
    period_s = payload["period_us"] / 1e6
    names = list(mappings)
    pages = numpy.random.default_rng(SEED).permutation(touches).astype("uint32")
    write = numpy.ones(1, "uint8")
    event, before = payload["event"], payload["touches_before"]
    refusals: list[Event] = []
    acting: threading.Thread | None = None
    began = time.monotonic()
    for start in range(0, touches, slot):
        if start == before and event != NO_EVENT:
            if event == FORK:
                stack.enter_context(beside())
            else:
                acting = threading.Thread(
                    target=_trigger_all, args=(event, mappings, refusals), daemon=True
                )
                acting.start()
        waits_ns: dict[str, list[int]] = {name: [] for name in names}
        faults = dict.fromkeys(names, 0)
        end = min(start + slot, touches)
        for number in range(start, end):
            pause = began + number * period_s - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            for turn in range(len(names)):
                name = names[(number + turn) % len(names)]
                work, times = mappings[name].access(pages[number : number + 1], write)
                waits_ns[name].append(int(times[0]))
                faults[name] += work.minor_faults + work.major_faults
        if acting and end == touches:
            acting.join()  # before its mappings are closed, and for what it reports
        while refusals:
            yield refusals.pop()
        yield {"touches": end, "waits_ns": waits_ns, "faults": faults}


def _trigger_all(event: str, mappings: dict[str, Mapping], refusals: list[Event]) -> None:
    """Thread: let the event happen to each mapping while the touches go on."""
    for name, memory in mappings.items():
        try:
            trigger(event, memory)
        except OSError as error:
            refusals.append({"refused": name, "reason": f"{event} is refused: {_text(error)}"})


def _text(error: OSError) -> str:
    return os.strerror(error.errno or 0)

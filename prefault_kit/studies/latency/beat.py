"""What happens in the worker: a page of each mapping a beat, each touch timed in C.

The order of the mappings turns from beat to beat, so that none is always the first after a pause.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from prefault_kit.measure.child import beside
from prefault_kit.measure.steps import do
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.latency.ways import FORK, MEMORY, WAYS, happen

SEED = 2021


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run a watch; yield ``refused`` for each way that cannot be prepared or undone, and then, a
    slot of beats after the other, ``waits_ns`` and ``faults`` by way."""
    backing = Backing(**payload["backing"])
    with contextlib.ExitStack() as stack:
        mappings = {}
        for way in payload["ways"]:
            try:
                memory = stack.enter_context(
                    Mapping(backing, payload["size_bytes"], MEMORY[backing.kind])
                )
                for step in WAYS[way]:
                    do(memory, step, threads=1)
            except OSError as error:
                yield {"refused": way, "reason": f"cannot be prepared: {_said(error)}"}
            else:
                mappings[way] = memory
        yield from _watch(payload, mappings, stack)


def _watch(
    payload: dict[str, Any], mappings: dict[str, Mapping], stack: contextlib.ExitStack
) -> Iterator[dict[str, Any]]:
    import numpy

    beats, slot, period_s = payload["beats"], payload["slot"], payload["period_us"] / 1e6
    names = list(mappings)
    pages = numpy.random.default_rng(SEED).permutation(beats).astype("uint32")
    write = numpy.ones(1, "uint8")
    event, midst = payload["event"], payload["midst"]
    told: list[dict[str, Any]] = []
    acting: threading.Thread | None = None
    began = time.monotonic()
    for start in range(0, beats, slot):
        if start == midst and event != "nothing":
            if event == FORK:
                stack.enter_context(beside())
            else:
                acting = threading.Thread(target=_act, args=(event, mappings, told), daemon=True)
                acting.start()
        waits: dict[str, list[int]] = {way: [] for way in names}
        faults = dict.fromkeys(names, 0)
        end = min(start + slot, beats)
        for beat in range(start, end):
            pause = began + beat * period_s - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            for turn in range(len(names)):
                way = names[(beat + turn) % len(names)]
                work, times = mappings[way].access(pages[beat : beat + 1], write)
                waits[way].append(int(times[0]))
                faults[way] += work.minor_faults + work.major_faults
        if acting and end == beats:
            acting.join()  # before its mappings go, and for what it has to tell
        while told:
            yield told.pop()
        yield {"beats": end, "waits_ns": waits, "faults": faults}


def _act(event: str, mappings: dict[str, Mapping], told: list[dict[str, Any]]) -> None:
    """Thread: let the event happen to each mapping, while touches go on."""
    for way, memory in mappings.items():
        try:
            happen(event, memory)
        except OSError as error:
            told.append({"refused": way, "reason": f"{event} is refused: {_said(error)}"})


def _said(error: OSError) -> str:
    return os.strerror(error.errno or 0)

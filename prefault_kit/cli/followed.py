"""A command on a host of a fleet: run as ever, and followed by whoever collects its rows."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prefault_kit import host
from prefault_kit.cli.entry import ended
from prefault_kit.cli.follower import Follower
from prefault_kit.measure.worker import Event
from prefault_kit.studies.comparison import Run, contribution
from prefault_kit.studies.comparison.recorded import GRID
from prefault_kit.studies.grid.recording import SAME_HOST

MOVED_S = 1.0
"""Between two words on how far it is."""


def rows(payload: dict[str, Any]) -> Iterator[Event]:
    """Run a command line in the worker: what this host is, its rows as they are finished, its end.

    ``payload`` has the ``words`` of the command line, the ``rows`` that are collected already with
    the facts of the ``host`` that they are of, and whether ``names`` are told. On a host that has
    changed since, all is run ``anew``.
    """
    facts = contribution.without_names(Run("", GRID, host.facts()), contribution.own_names()).host
    before = payload["host"]
    anew = any(before.get(each) != facts.get(each) for each in SAME_HOST)
    hostname = {"hostname": os.uname().nodename} if payload["names"] else {}
    yield {"host": dict(facts), "anew": anew} | hostname

    told: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    moved = 0.0

    def move(part: float, words: str) -> None:
        nonlocal moved
        if time.monotonic() - moved > MOVED_S:
            moved = time.monotonic()
            told.put({"part": part, "words": words})

    known = [] if anew else payload["rows"]
    follower = Follower(known, lambda row: told.put({"row": row}), move)

    def work() -> None:
        try:
            status, said = ended(payload["words"], follower)
            told.put({"end": status, "said": said})
        finally:
            told.put(None)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield from iter(told.get, None)
        done.result()

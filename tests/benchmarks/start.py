"""How long it takes until one can begin: the import, and the worker's start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from prefault_kit.measure.cell import measure
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.worker import Worker
from prefault_kit.memory.backing import Backing

from .findings import Finding

HEAVY = ("bokeh", "pandas", "ipywidgets")
"""What ``import prefault_kit`` must not bring along."""

IMPORT = f"""
import time
began = time.perf_counter()
import prefault_kit
print(time.perf_counter() - began)
import sys
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


def importing(times: int) -> Finding:
    """Import the kit in fresh interpreters, the first of which may still write bytecode."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken, heavy = [], ""
    for _ in range(times + 1):
        done = subprocess.run(
            [sys.executable, "-c", IMPORT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
        seconds, _, heavy = done.stdout.partition("\n")
        taken.append(float(seconds) * 1000)
    return Finding(
        "import prefault_kit",
        statistics.median(taken[1:]),
        100,
        "ms",
        detail=f"best {min(taken[1:]):.0f} of {times} fresh interpreters",
        broken=f"it brings along {heavy.strip()}" if heavy.strip() else "",
    )


def worker(times: int) -> Finding:
    """Start a worker and wait for the first word of a run of one page."""
    payload = {
        "experiments": [
            Experiment(Backing.anon(), "private", "Read", os.sysconf("SC_PAGE_SIZE")).as_dict()
        ]
    }
    taken = []
    for _ in range(times + 1):
        with Worker() as started:
            began = time.perf_counter()
            answer = started.stream(measure, payload)
            next(answer)
            taken.append((time.perf_counter() - began) * 1000)
            for _ in answer:
                pass
    return Finding(
        "worker start, to the first word of its run",
        statistics.median(taken[1:]),
        250,
        "ms",
        detail=f"best {min(taken[1:]):.0f} of {times}",
    )

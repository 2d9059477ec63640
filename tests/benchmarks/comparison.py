"""How long it takes to compare many recorded runs: the command from its start to its end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.studies.comparison.made import jittered

from .findings import Finding

SECONDS_MS = 5000


def comparing(runs: int) -> Iterator[Finding]:
    """The whole grid of as many hosts, each some per cent off: as JSON, and as a page."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        grids = [
            str(jittered(place / f"host-{at}.csv", at, factor=1 + at / 100, kernel=f"6.{at}"))
            for at in range(runs)
        ]
        for what, arguments in (("JSON", ["--json"]), ("a page", ["--export", "hosts.html"])):
            before = _cpu_s()
            began = time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "prefault_kit", "compare", *grids, *arguments],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=place,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                timeout=600,
            )
            seconds = time.monotonic() - began
            yield Finding(
                f"compare {runs} runs of the whole grid, as {what}",
                seconds * 1000,
                SECONDS_MS,
                "ms",
                detail=f"of them {_cpu_s() - before:.1f} s on a processor",
            )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

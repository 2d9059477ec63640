"""What a fleet adds to a host's own time: a grid by the command, and the same by a Dask worker."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from prefault_kit.cli import fleet, followed
from prefault_kit.measure import table_file
from prefault_kit.studies import comparison
from prefault_kit.studies.fleet import cluster, local, running
from prefault_kit.studies.fleet.cluster import Cluster
from prefault_kit.studies.fleet.collected import Folder
from prefault_kit.studies.fleet.running import Moved

from .findings import Finding

WORDS = ("matrix", "--only", "anon *", "--only", "memfd *", "--sizes", "64MiB", "--repeats", "10")
"""A grid of some seconds, all of it in memory."""
AT_MOST = 1.05


def adding(rounds: int) -> Iterator[Finding]:
    """The time of a host, from its turn to its end, over that of the command; and what is measured.

    A round is one of each; the first is a warm-up."""
    own_s, own_ms, fleet_s, fleet_ms = [], [], [], []
    with (
        tempfile.TemporaryDirectory() as directory,
        local.scheduler(1) as address,
        cluster.connected(address) as reached,
    ):
        for number in range(rounds + 1):
            place = Path(directory, str(number))
            place.mkdir()
            seconds, times = _alone(place)
            own_s.append(seconds)
            own_ms.append(times)
            seconds, times = _in_a_fleet(place, reached)
            fleet_s.append(seconds)
            fleet_ms.append(times)
    pairs = zip(fleet_s[1:], own_s[1:], strict=True)
    yield Finding(
        "a host's time in a fleet over that of the command",
        statistics.median(mine / other for mine, other in pairs),
        AT_MOST,
        detail=f"{rounds} rounds of {statistics.median(own_s[1:]):.1f} s",
    )
    yield Finding(
        "what a host measures in a fleet over what it measures alone",
        _median_ratio(fleet_ms[1:], own_ms[1:]),
        AT_MOST,
        at_least=0.95,
        detail=f"the median of {len(own_ms[0])} cells; alone against alone "
        f"{_median_ratio(own_ms[2::2], own_ms[1:-1:2]):.3f}",
    )


def _median_ratio(ours: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> float:
    """The median over cells of the ratios of their best times, each over all rounds."""
    pairs = zip(zip(*ours, strict=True), zip(*others, strict=True), strict=True)
    return statistics.median(min(mine) / min(other) for mine, other in pairs)


def _alone(place: Path) -> tuple[float, list[float]]:
    """The command in a process of its own."""
    table = place / "grid.csv"
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "prefault_kit", *WORDS, "--out", str(table)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=600,
    )
    seconds = time.monotonic() - began
    return seconds, [each.best_ms for each in table_file.read(table) if each.best_ms]


def _in_a_fleet(place: Path, reached: Cluster) -> tuple[float, list[float]]:
    """One host of a fleet, from its turn to its end."""
    stamps: list[float] = []

    def stamp(moved: Moved) -> None:
        if moved.part in (None, 0.0):
            stamps.append(time.monotonic())

    folder = Folder.begin(place / "fleet", fleet.job("grid", (*WORDS, *fleet.NOWHERE)))
    running.run(folder, reached, followed.rows, on_move=stamp)
    folder.close()
    (host,) = folder.hosts
    found = comparison.read(folder.record_of(host))
    return stamps[-1] - stamps[0], [each.best_ms for each in found.results if each.best_ms]

"""A scheduler and workers as they are started by hand, on loopback; and hosts that are made up."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prefault_kit.host.identity import LABEL
from prefault_kit.studies.fleet.collected import Facts, Job, Row

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
FACTS = {"kernel": "6.1", "machine": "x86_64", "cpu": "a processor", "page_size_bytes": 4096}
QUIET = {
    "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "OPENBLAS_NUM_THREADS": "1",
}


def _check(facts: Facts, row: Row) -> tuple[Facts, Row]:
    if "n" not in row:
        raise ValueError("it has no number")
    return facts, row


JOB = Job(
    ("check",),
    _check,
    lambda facts, rows: {"host": dict(facts), "rows": list(rows)},
    lambda rows: f"{len(rows)} rows",
)
"""Rows that are numbered."""


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=PATIENCE_S)


def _start(arguments: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | QUIET | environment,
    )


@contextlib.contextmanager
def scheduler(place: Path) -> Iterator[str]:
    """A Dask scheduler; yields its address."""
    file = place / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", ":0")
    command = ("dask_scheduler", *options, "--scheduler-file", str(file))
    with ending(_start(command, DASK_TEMPORARY_DIRECTORY=str(place))):
        await_true(file.exists)
        yield json.loads(file.read_text())["address"]


@contextlib.contextmanager
def worker(
    address: str, place: Path, label: str, preload: str | None = None, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A Dask worker that pretends to be a host, and runs ``preload`` first."""
    options = ["--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    options += ["--local-directory", str(place), "--death-timeout", str(PATIENCE_S)]
    if preload is not None:
        file = place / f"preload_{label}.py"
        file.write_text(preload)
        options += ["--preload", str(file)]
    with ending(
        _start(("dask_worker", address, *options), **{LABEL: label}, **environment)
    ) as process:
        yield process


def await_true(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Its children, whichever of its threads started them."""
    found: list[int] = []
    for each in Path(f"/proc/{process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found += map(int, each.read_text().split())
    return found


def hosts(place: Path) -> dict[str, dict[str, Any]]:
    """The list of a folder, by the names of its hosts; empty where there is none yet."""
    with contextlib.suppress(FileNotFoundError):
        return {
            each["name"]: each for each in json.loads((place / "fleet.json").read_text())["hosts"]
        }
    return {}


def rows(place: Path, name: str) -> list[dict[str, Any]]:
    """What is collected of a host, in the order in which it came."""
    path = place / f"{name}.rows"
    if not path.exists():
        run = place / f"{name}.json"
        return list(json.loads(run.read_text())["rows"]) if run.exists() else []
    return [json.loads(line)["row"] for line in path.read_text().splitlines()]

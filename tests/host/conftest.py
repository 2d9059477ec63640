"""Processes and limits that the tests of ``prefault_kit.host`` share."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ASK = """
import json, sys
from prefault_kit import Backing, host
found = host.why_not(**eval(sys.argv[1]))
print(json.dumps(found and [found.reason, found.command]))
"""
"""Asks why_not in a process of its own: argv[1] are the keyword arguments."""


def _run_json(command: list[str]) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def run_json() -> Callable[[list[str]], Any]:
    """Run a command; what it prints, from JSON."""
    return _run_json


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Ask why_not in a new process started behind ``before``: [reason, command] or None."""

    def ask(before: list[str], arguments: str) -> Any:
        return _run_json([*before, sys.executable, "-c", ASK, f"dict({arguments})"])

    return ask


@pytest.fixture
def soft_limit() -> Callable[[str, int], contextlib.AbstractContextManager[None]]:
    """Lower a soft limit of this process for a while."""

    @contextlib.contextmanager
    def lowered(name: str, value: int) -> Iterator[None]:
        kind = getattr(resource, f"RLIMIT_{name}")
        soft, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (value, hard))
        try:
            yield
        finally:
            resource.setrlimit(kind, (soft, hard))

    return lowered


@pytest.fixture
def closed_directory() -> Iterator[str]:
    """A directory that everybody can see and nobody but root can write to."""
    directory = tempfile.mkdtemp()
    os.chmod(directory, 0o555)
    yield directory
    os.rmdir(directory)


@pytest.fixture
def disk(disk_directory: Path) -> str:
    """A directory on each disk file system, also where the temporary directory is in memory."""
    from prefault_kit.kernel.mounts import in_memory

    for directory in (str(disk_directory), str(Path(__file__).parent)):
        if in_memory(directory) is None:
            return directory
    pytest.skip("neither the temporary directory nor the tests are on a disk")

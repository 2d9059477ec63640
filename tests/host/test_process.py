"""prefault_kit.host.process: what everything needs of its process, told to Python too."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import process

Namespace = Callable[[str], list[str]]
RunJson = Callable[[list[str]], Any]
NO_PROC = "mount -t tmpfs none /proc"
CELL = "sharing='private', method='Read', size_bytes=1 << 20, backing=Backing"
RUN = """
import json
from prefault_kit import Backing, Experiment, run
print(json.dumps(run(Experiment(Backing.anon(), "private", "Read", 1 << 20)).as_dict()))
"""


def test_here_nothing_is_missing() -> None:
    """On the machine that runs the tests."""
    assert process.why_not() is None
    assert process.lost_directory() is None


def test_without_proc(ask: Callable[..., Any], namespace: Namespace) -> None:
    """As in a chroot: the reason, and the command that helps."""
    reason, command = ask(namespace(NO_PROC), f"{CELL}.anon()")
    assert reason.startswith("/proc is not mounted")
    assert command == "sudo mount -t proc proc /proc"
    if os.geteuid() == 0:  # the command needs root
        helped = f"{NO_PROC} && {command.removeprefix('sudo ')}"
        assert ask(namespace(helped), f"{CELL}.anon()") is None


def test_a_run_without_proc_is_unavailable(namespace: Namespace, run_json: RunJson) -> None:
    """A result with the reason, and with the facts that are known without it."""
    import sys

    result = run_json([*namespace(NO_PROC), sys.executable, "-c", RUN])
    assert result["outcome"] == "unavailable"
    assert result["message"].startswith("/proc is not mounted")
    assert result["host"]["kernel"] == os.uname().release
    assert "memory_bytes" not in result["host"]


@pytest.mark.parametrize(
    ("ulimit", "command"),
    [
        ("ulimit -S -n 8", "prlimit --pid $$ --nofile=64:"),
        ("ulimit -n 8", "sudo prlimit --pid $$ --nofile=64"),
    ],
)
def test_with_too_few_file_descriptors(ask: Callable[..., Any], ulimit: str, command: str) -> None:
    """A soft limit can be raised by its owner; the hard one by root alone."""
    said, helps = ask(["sh", "-c", f'{ulimit}; exec "$@"', "sh"], f"{CELL}.anon()")
    assert said == "this process may open 8 files, and the kit needs up to 64"
    assert helps == command


def test_in_a_directory_that_was_deleted(ask: Callable[..., Any], tmp_path: Path) -> None:
    """A file in a relative directory has no place; anonymous memory needs none."""
    gone = tmp_path / "gone"
    before = ["sh", "-c", f'mkdir -p {gone}; cd {gone} && rmdir {gone} && exec "$@"', "sh"]
    assert ask(before, f"{CELL}.file('.')") == ["the current directory was deleted", "cd ~"]
    assert json.dumps(ask(before, f"{CELL}.anon()")) == "null"

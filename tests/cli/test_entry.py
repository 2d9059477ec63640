"""The installed command: its name, its help, how it ends."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from tests.cli.command import (
    COMMAND,
    RUN,
    prefault,
    sentence,
)

COMMANDS = ("doctor", "run", "matrix", "check", "review")


def test_the_module_is_the_command() -> None:
    """``python -m prefault_kit`` says the same as the installed name."""
    module = subprocess.run(
        [sys.executable, "-m", "prefault_kit", "--help"], capture_output=True, text=True, check=True
    )
    assert module.stdout == prefault("--help").stdout == prefault().stdout
    assert module.stdout.startswith("Usage: prefault-kit ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    """Each command's help explains every option and shows whole command lines."""
    done = prefault(command, "--help")
    assert done.returncode == 0
    assert f"prefault-kit {command}" in done.stdout.partition("Examples:")[2]
    assert "--json" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_an_unknown_command_is_one_sentence() -> None:
    """Also without any option."""
    done = prefault("frobnicate")
    assert (done.returncode, "frobnicate" in sentence(done)) == (2, True)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """``prefault-kit ... | head`` ends without a word."""
    with subprocess.Popen(
        [COMMAND, *RUN, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout
        command.stdout.close()
        assert command.stderr
        assert command.stderr.read() == ""


def test_it_runs_from_anywhere(tmp_path: Path) -> None:
    """The published table is found from any directory, one with a blank in its name."""
    where = tmp_path / "a place"
    where.mkdir()
    done = prefault("run", "--backing", "anon", "--method", "Read", cwd=where)
    assert ("published 2021" in done.stdout) == (PAGE_SIZE_BYTES == 4096)
    assert list(where.iterdir()) == []
    assert shutil.which(COMMAND)

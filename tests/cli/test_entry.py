"""The installed command: its name, its help, how it ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.cli import entry
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.promises.memcg import limited
from tests.cli.command import (
    COMMAND,
    PATIENCE_S,
    RUN,
    SMALL_GRID,
    prefault,
    prefault_here,
    sentence,
)

OF_CLICK = {"TEXT", "INTEGER", "INTEGER RANGE", "FLOAT", "FLOAT RANGE", "DIRECTORY", "S"}
KERNELS = ("clean", "fetch", "list", "run", "table")
COMMANDS = (
    *(each for each in entry.COMMANDS if each != "kernels"),
    *(f"kernels {each}" for each in KERNELS),
)


def test_the_module_is_the_command() -> None:
    """``python -m prefault_kit`` says the same as the installed name."""
    module = subprocess.run(
        [sys.executable, "-m", "prefault_kit", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert module.stdout == prefault("--help").stdout == prefault_here().stdout
    assert module.stdout.startswith("Usage: prefault-kit ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command's help explains every option and shows whole command lines."""
    monkeypatch.setenv("COLUMNS", "80")
    done = prefault_here(*command.split(), "--help")
    assert done.returncode == 0
    assert f"prefault-kit {command}" in done.stdout.partition("Examples:")[2]
    assert "--json" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_one_word_for_each_kind_of_value(command: str) -> None:
    """Seconds, numbers, files and folders: no command has click's names of types."""
    options = prefault_here(*command.split(), "--help").stdout.rpartition("Options:")[2]
    values = set(re.findall(r"^  --[a-z-]+ ([A-Z]+(?: RANGE)?)", options, re.MULTILINE))
    assert values.isdisjoint(OF_CLICK)


@pytest.mark.parametrize("group", [(), ("kernels",)])
def test_a_command_is_listed_on_one_line(
    group: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each command does fits 80 columns, unbroken and whole."""
    monkeypatch.setenv("COLUMNS", "80")
    listed = prefault_here(*group, "--help").stdout.partition("Commands:")[2].strip("\n")
    assert len(listed.splitlines()) == len(KERNELS if group else entry.COMMANDS)
    assert "..." not in listed


def test_an_unknown_command_is_one_sentence() -> None:
    """Also without any option."""
    done = prefault_here("frobnicate")
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


def shell(
    line: str, *arguments: str, command: tuple[str, ...] = ("-m", "prefault_kit"), **known: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command by a line of sh, as ``"$@"``; in a path with a space its script is sh too."""
    environment = dict(os.environ)
    environment.pop("PYTHONUNBUFFERED", None)  # it hides what is left to be written at the end
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-P", *command, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment,
        **known,
    )


EACH = {
    "doctor": ("doctor",),
    "run": RUN,
    "matrix": ("matrix", "--out", "grid.csv"),
    "check": ("check", "read-*"),
    "review": ("review", "--write", "0.1"),
}


ALL = f"""
from prefault_kit.cli.entry import main

for words in {[list(words) for words in EACH.values()]!r}:
    print(main(words), flush=True)
"""
"""Every command after the other, in one process; the exit status of each."""


def told_by_all(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Each command ended with 3 and one sentence that has these words."""
    assert done.stdout.split() == ["3"] * len(EACH), done.stderr
    said = done.stderr.splitlines()
    assert len(said) == len(EACH), done.stderr
    for each in said:
        assert each.startswith("prefault-kit: ")
        assert all(word in each for word in words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            'mkdir gone; cd gone; rmdir ../gone; exec "$@"',
            "directory was deleted; to enable it: cd",
        ),
        ('ulimit -n 8; exec "$@"', "may open 8 files, and the kit needs up to 64; to enable it:"),
    ],
    ids=["deleted directory", "8 descriptors"],
)
def test_an_odd_place_is_told_by_every_command(line: str, words: str, tmp_path: Path) -> None:
    """Exit 3, one sentence, and the command that helps; the help is there all the same."""
    done = shell(line, *RUN, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert words in sentence(done)
    told_by_all(shell(line, command=("-c", ALL), cwd=tmp_path), words)
    assert shell(line, "run", "--help", cwd=tmp_path).returncode == 0


def test_without_proc_every_command_says_so(tmp_path: Path) -> None:
    """In a mount namespace whose /proc is empty, as in a chroot."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], timeout=60).returncode:
        pytest.skip("this user may not make a mount namespace")
    inside = 'mount -t tmpfs none /proc; exec "$@"'

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*unshare, "sh", "-ec", inside, "sh", *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            cwd=tmp_path,
        )

    done = run(COMMAND, "doctor")
    assert "/proc is not mounted" in sentence(done)
    assert (done.returncode, done.stdout) == (3, "")
    told_by_all(
        run(sys.executable, "-c", ALL), "/proc is not mounted", "sudo mount -t proc proc /proc"
    )


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_standard_streams_may_be_closed(closed: str) -> None:
    """Those that are not written to do not matter, not even to the worker."""
    done = shell(f'"$@" {closed}', *RUN, "--repeats", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    ("output", "words", "arguments"),
    [
        (">&-", "standard output is closed", ("--help",)),
        (">&-", "standard output is closed", RUN),
        ("<&- >&-", "standard output is closed", ("doctor",)),
        (">/dev/full", "standard output cannot be written: no space left on device", ("--help",)),
        (">/dev/full", "standard output cannot be written: no space left on device", ("doctor",)),
        (
            ">/dev/full",
            "standard output cannot be written: no space left on device",
            (*RUN, "--repeats", "1"),
        ),
    ],
)
def test_without_an_output_it_fails_in_a_sentence(
    output: str, words: str, arguments: tuple[str, ...]
) -> None:
    """Exit 1, no traceback, also from the interpreter when it ends."""
    done = shell(f'"$@" {output}', *arguments)
    assert done.returncode == 1
    assert sentence(done).startswith(words)


def test_without_any_stream_the_status_is_left() -> None:
    """A usage error is 2, and a closed output 1."""
    assert shell('"$@" 2>&-', "run", "--size", "0").returncode == 2
    assert shell('"$@" 2>/dev/full', "run", "--size", "0").returncode == 2
    assert shell('"$@" <&- >&- 2>&-', "doctor").returncode == 1


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        (*RUN, "--size", "4MiB", "--follow-up"),
        ("run", "--backing", "memfd", "--sharing", "shared", "--method", "Read", "--json"),
        (*SMALL_GRID, "--repeats", "1", "--out", "grid.csv"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_64_mib_are_enough(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """In a memory cgroup of that size, the command and its worker together."""
    with limited(64 << 20) as enter:
        done = subprocess.run(
            [COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            cwd=tmp_path,
            preexec_fn=enter,
        )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.needs("root")
def test_the_worker_is_counted_before_it_is_killed() -> None:
    """Where it has no room the run is refused, and the command that is told is enough."""

    def run_in(limit_bytes: int) -> subprocess.CompletedProcess[str]:
        with limited(limit_bytes) as enter:
            return subprocess.run(
                [COMMAND, *RUN],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                preexec_fn=enter,
            )

    for small in (24 << 20, 32 << 20):
        done = run_in(small)
        assert (done.returncode, done.stdout) == (3, "")
        told = re.search(r"to enable it: echo (\d+) \| sudo tee \S+$", sentence(done))
        assert told
        assert run_in(int(told[1])).returncode == 0


def test_it_runs_from_anywhere(tmp_path: Path) -> None:
    """The published table is found from any directory, one with a blank in its name."""
    where = tmp_path / "a place"
    where.mkdir()
    done = prefault("run", "--backing", "anon", "--method", "Read", "--repeats", "1", cwd=where)
    assert ("published 2021" in done.stdout) == (PAGE_SIZE_BYTES == 4096)
    assert list(where.iterdir()) == []
    assert shutil.which(COMMAND)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_killed_command_takes_its_files_along(name: str, tmp_path: Path) -> None:
    """It ends of the signal, as ever; what it was writing is gone."""
    code = f"""
import os, pathlib, signal
from prefault_kit.cli import entry
from prefault_kit.measure import saved

os.fsync = lambda fd: os.kill(os.getpid(), signal.{name})

@entry.cli.command()
def write():
    saved.write(pathlib.Path({str(tmp_path / "a.json")!r}), "text")

entry.main(["write"])
"""
    command = ["env", "--default-signal=HUP", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -getattr(signal, name), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_command_imports_what_it_needs_alone() -> None:
    """Not the other commands, nor what they print and export with."""
    code = """
import sys
from prefault_kit.cli.entry import main

main(["run", "--backing", "anon"])
rooms = ("cli.doctor", "cli.check", "cli.review", "studies.review")
print(*sys.modules.keys() & {"junitparser", *(f"prefault_kit.{room}" for room in rooms)})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_dask_is_imported_for_a_fleet_alone() -> None:
    """Not even for its help, nor for what it refuses."""
    code = """
import sys
from prefault_kit.cli.entry import main

main(["fleet", "--out", "nowhere", "--local", "1", "doctor"])
print(*sys.modules.keys() & {"dask", "distributed"})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr

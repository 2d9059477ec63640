"""``prefault-kit run``: what it prints, how it ends, what it leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from tests.cli.command import (
    COMMAND,
    LONG_RUN,
    RUN,
    await_true,
    await_worker,
    is_gone,
    prefault,
    prefault_here,
    sentence,
    start,
)


def test_run_prints_the_stable_object() -> None:
    """``run --json`` prints one object with the documented fields, and nothing on stderr."""
    done = prefault(*RUN, "--repeats", "3", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = Result.from_dict(json.loads(done.stdout))
    assert result.outcome == "ok"
    assert len(result.timings_ms) == 3
    assert result.pages == {
        "present": 2 * 1024 * 1024 // PAGE_SIZE_BYTES,
        "zero": 0,
        "huge": 0,
        "swapped": 0,
    }
    assert result.host["kernel"] == os.uname().release


def test_run_takes_every_option(disk_directory: Path) -> None:
    """Threads, a cold start and a directory reach the experiment."""
    done = prefault_here(
        "run", "--backing", "file", "--dir", str(disk_directory), "--sharing", "shared",
        "--method", "Read", "--size", "256KiB", "--repeats", "2", "--start", "cold",
        "--threads", "2", "--json",
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert (done.returncode, result["outcome"]) == (0, "ok")
    assert (result["start"], result["threads"], result["repeats"]) == ("cold", 2, 2)
    assert result["faults"]["major"] > 0
    assert list(disk_directory.glob("*prefault*")) == []


@pytest.mark.needs("hugetlb")
def test_run_takes_a_page_size(huge_page_bytes: int) -> None:
    """A huge page size maps huge pages of that size."""
    size = str(huge_page_bytes)
    done = prefault_here(*RUN, "--page-size", size, "--size", size, "--repeats", "1", "--json")
    assert json.loads(done.stdout)["pages"]["huge"] == huge_page_bytes // PAGE_SIZE_BYTES


def test_json_has_its_object_also_when_unavailable() -> None:
    """stdout has the whole result with reason and command, stderr the sentence, exit 3."""
    done = prefault_here(*RUN, "--backing", "file", "--dir", "/nonexistent", "--json")
    result = Result.from_dict(json.loads(done.stdout))
    assert (done.returncode, result.outcome) == (3, "unavailable")
    assert result.message
    assert result.message in sentence(done)
    assert result.command == "mkdir -p /nonexistent"


@pytest.mark.alone
def test_no_huge_pages_names_the_command(huge_page_bytes: int) -> None:
    """A few huge pages more than the pool has: exit 3 and the command that adds them."""
    pages = hugepages.pools()[huge_page_bytes].available + 8
    size = str(pages * huge_page_bytes)
    done = prefault(*RUN, "--page-size", str(huge_page_bytes), "--size", size)
    assert done.returncode == 3
    assert f"{pages} huge pages" in sentence(done)
    assert sentence(done).endswith("kB/nr_hugepages")


@pytest.mark.needs("ordinary_user")
def test_no_permission_is_one_sentence(tmp_path: Path) -> None:
    """A directory that this user may not write to."""
    tmp_path.chmod(0o500)
    try:
        done = prefault_here(*RUN, "--backing", "file", "--dir", str(tmp_path))
        assert (done.returncode, "may not write" in sentence(done)) == (3, True)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.needs("small_tmpfs")
def test_a_full_directory_is_one_sentence(small_tmpfs_directory: Path) -> None:
    """No room for the file."""
    where = str(small_tmpfs_directory)
    done = prefault_here(*RUN, "--backing", "tmpfs", "--dir", where, "--size", "2MiB")
    assert (done.returncode, where in sentence(done)) == (3, True)


def test_a_kernel_without_populate() -> None:
    """EINVAL for 22 and 23: populating is unavailable, touching runs, doctor says which."""
    without = (sys.executable, str(Path(__file__).parents[1] / "filtered.py"), "populate", COMMAND)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*without, *arguments], capture_output=True, text=True, timeout=60)

    done = run(*RUN)
    assert (done.returncode, "POPULATE_WRITE" in sentence(done)) == (3, True)
    assert run("run", "--backing", "anon", "--method", "Write").returncode == 0
    data = json.loads(run("doctor", "--json").stdout)
    available = {each["name"]: each["available"] for each in data["capabilities"]}
    assert not available["MADV_POPULATE_READ"]
    assert not available["MADV_POPULATE_WRITE"]
    assert available[f"anon {format_bytes(PAGE_SIZE_BYTES)}"]


def test_ctrl_c_ends_a_run_cleanly() -> None:
    """Exit 130, one sentence, and the worker with its memory is gone."""
    command = start(*LONG_RUN)
    worker = await_worker(command)
    command.send_signal(signal.SIGINT)
    output, errors = command.communicate(timeout=60)
    assert (command.returncode, output) == (130, "")
    assert errors.strip() == "prefault-kit: stopped; nothing is left behind"
    await_true(lambda: is_gone(worker))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_a_killed_run_leaves_no_process(name: str) -> None:
    """Whatever ends the command ends its worker."""
    command = start(*LONG_RUN)
    worker = await_worker(command)
    command.send_signal(getattr(signal, name))
    command.communicate(timeout=60)
    await_true(lambda: is_gone(worker))


def test_a_killed_worker_is_a_failed_experiment() -> None:
    """Exit 1 and words; with --json the object too."""
    command = start(*LONG_RUN, "--json")
    os.kill(await_worker(command), signal.SIGKILL)
    output, errors = command.communicate(timeout=60)
    result = Result.from_dict(json.loads(output))
    assert (command.returncode, result.outcome) == (1, "error")
    assert "SIGKILL" in errors
    assert len(errors.splitlines()) == 1

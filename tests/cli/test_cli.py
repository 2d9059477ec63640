"""The installed command: what it prints, how it ends, what it leaves."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import table_file
from tests.cli.command import (
    COMMAND,
    await_true,
    await_worker,
    children,
    is_gone,
    prefault,
    sentence,
    start,
)

PAGE = format_bytes(PAGE_SIZE_BYTES).replace(" ", "")
RUN = ("run", "--backing", "anon", "--method", "POPULATE_WRITE")
LONG_RUN = (*RUN, "--size", "256MiB", "--repeats", "100000")
SMALL_GRID = ("matrix", "--only", f"anon {PAGE}", "--only", f"memfd {PAGE}")
LONG_GRID = (*SMALL_GRID, "--sizes", "4MiB", "--repeats", "25")
COMMANDS = ("doctor", "run", "matrix", "check", "review")


# Good usage


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


def test_run_tells_people_all_of_it() -> None:
    """The table has times, the three views, faults, and with --follow-up what comes later."""
    arguments = ("--backing", "memfd", "--sharing", "shared", "--method", "POPULATE_READ")
    done = prefault("run", *arguments, "--follow-up")
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "POPULATE_READ: shared Memfd", "2 MiB, start empty", "best of 10", "median", "warm-up",
        "private dirty", "present", "cached", "minor", "after", "sync", "never counted as dirty",
    ):  # fmt: skip
        assert word in done.stdout


@pytest.mark.parametrize("size", ["4GiB", "1 GiB", "2M", "64k", "8192", "4KiB"])
def test_sizes_as_people_write_them(size: str) -> None:
    """Units with or without iB and blank; refused for the directory alone, not the size."""
    done = prefault(
        "run", "--backing", "file", "--dir", "/nonexistent", "--method", "Read", "--size", size
    )
    assert (done.returncode, "/nonexistent" in sentence(done)) == (3, True)


def test_run_takes_every_option(disk_directory: Path) -> None:
    """Threads, a cold start and a directory reach the experiment."""
    done = prefault(
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
    done = prefault(*RUN, "--page-size", size, "--size", size, "--repeats", "1", "--json")
    assert json.loads(done.stdout)["pages"]["huge"] == huge_page_bytes // PAGE_SIZE_BYTES


def test_doctor_tells_what_there_is() -> None:
    """Every backing and feature with yes or no; --json has the same and the host's facts."""
    done = prefault("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(prefault("doctor", "--json").stdout)
    assert data["host"]["kernel"] in done.stdout
    for capability in data["capabilities"]:
        assert capability["name"] in done.stdout
        if capability["command"]:
            assert capability["command"] in done.stdout


def test_doctor_names_the_command_that_helps(tmp_path: Path) -> None:
    """A directory that is missing is told with the command that makes it, on a line to copy."""
    where = tmp_path / "with space"
    done = prefault("doctor", "--dir", str(where))
    assert done.returncode == 0
    assert f"  mkdir -p '{where}'" in done.stdout.splitlines()
    assert not where.exists()


def test_matrix_writes_and_prints_the_grid(tmp_path: Path) -> None:
    """A row a cell in the file, the same for people and, with --json, for programs."""
    path = tmp_path / "grid.csv"
    done = prefault(*SMALL_GRID, "--repeats", "2", "--out", str(path), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert data["rows"] == table_file.rows(table_file.read(path))
    assert len(data["rows"]) == 5 + 5 + 5 + 11
    again = prefault(*SMALL_GRID, "--repeats", "2", "--out", str(path), "--resume")
    assert again.returncode == 0
    assert "shared memfd" in again.stdout
    assert again.stdout.count("FALLOCATE+POPULATE_WRITE") == 1
    assert max(map(len, again.stdout.splitlines())) <= 80


def test_a_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """stderr shows the cell, the part done and the time left, and is wiped in the end."""
    shown = _on_terminal(*SMALL_GRID, "--out", str(tmp_path / "grid.csv"))
    assert "of 26: shared memfd" in shown
    assert "100%" in shown
    assert "left" in shown
    assert "repetition" not in _on_terminal(*RUN, "--json")
    assert _on_terminal(*RUN, "--json") == ""


def _on_terminal(*arguments: str) -> str:
    """What the command writes to a stderr that is a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = screen.read(65536)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            shown += piece
    assert process.wait() == 0
    return shown.decode()


# Bad usage


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--size", "0"), 2, "0 bytes, but must be at least one page"),
        (("--size", "-4KiB"), 2, "-4096 bytes, but must be at least one page"),
        (("--size", "much"), 2, "'much' is not a size; type one like"),
        (("--size", "2MiB2"), 2, "is not a size"),
        (("--size", "100000000001"), 2, "would round up to"),
        (("--size", "100000TiB"), 3, "memory"),
        (("--size", "9" * 29), 2, "would round up to"),
        (("--page-size", "12KiB"), 2, "has no pages of 12288 bytes; it has"),
        (("--method", "POPULATE_REED"), 2, "did you mean 'POPULATE_READ'"),
        (("--method", "xyzzy"), 2, "choose from Read, Write"),
        (("--method", "FALLOCATE"), 2, "choose memfd, tmpfs, file or hugetlbfs"),
        (("--backing", "memfd", "--method", "FALLOCATE"), 2, "choose shared"),
        (("--backing", "paper"), 2, "is not one of 'anon', 'memfd'"),
        (("--backing", "memfd", "--dir", "/tmp"), 2, "leave --dir out"),
        (("--backing", "tmpfs", "--page-size", "2MiB"), 2, "choose anon, memfd or hugetlbfs"),
        (("--backing", "hugetlbfs", "--page-size", "12KiB"), 2, "not of 12288 bytes"),
        (("--sharing", "both"), 2, "'private', 'shared'"),
        (("--start", "cached"), 2, "choose start empty"),
        (("--start", "cold"), 2, "choose backing file"),
        (("--start", "warm"), 2, "'empty', 'cached', 'cold'"),
        (("--repeats", "0"), 2, "repeats is a whole number from 1"),
        (("--repeats", "ten"), 2, "not a valid integer"),
        (("--threads", "-1"), 2, "threads is a whole number from 1"),
        (("--frobnicate",), 2, "--frobnicate"),
        (("--backing", "file", "--dir", "/nonexistent"), 3, "does not exist"),
        (("--backing", "file", "--dir", "/etc/passwd"), 3, "is not a directory"),
        (("--backing", "file", "--dir", "/etc/passwd/x"), 3, "is not a directory"),
        (("--backing", "file", "--dir", "/dev/shm"), 3, "memory and not a disk"),
        (("--backing", "tmpfs", "--dir", "/var/tmp"), 3, "not on tmpfs"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], status: int, words: str, tmp_path: Path
) -> None:
    """What is wrong and what to do, exit 2 or 3, no traceback, nothing made."""
    done = prefault(*RUN, *arguments, cwd=tmp_path)
    assert words in sentence(done)
    assert (done.returncode, done.stdout) == (status, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing option '--out'"),
        (("--out", "grid.json"), "is a .csv file"),
        (("--out", "none/grid.csv"), "none is not a directory"),
        (("--out", "/proc/grid.csv"), "cannot be written"),
        (("--out", "/proc/grid.csv", "--sizes", "2MiB,64TiB"), "cannot be written"),
        (("--out", "grid.csv", "--only", "memfdd"), "did you mean 'memfd'"),
        (("--out", "grid.csv", "--sizes", ""), "is not a size"),
        (("--out", "grid.csv", "--sizes", "2MiB,"), "is not a size"),
        (("--out", "grid.csv", "--sizes", "4097"), "would round up to"),
        (("--out", "grid.csv", "--repeats", "0"), "repeats is a whole number"),
    ],
)
def test_bad_input_to_matrix_is_one_sentence(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """A grid that makes no sense, or has no place to go: exit 2 before any file is made."""
    done = prefault("matrix", *arguments, cwd=tmp_path)
    assert words in sentence(done)
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_one_sentence() -> None:
    """Also without any option."""
    done = prefault("frobnicate")
    assert (done.returncode, "frobnicate" in sentence(done)) == (2, True)


def test_json_has_its_object_also_when_unavailable() -> None:
    """stdout has the whole result with reason and command, stderr the sentence, exit 3."""
    done = prefault(*RUN, "--backing", "file", "--dir", "/nonexistent", "--json")
    result = Result.from_dict(json.loads(done.stdout))
    assert (done.returncode, result.outcome) == (3, "unavailable")
    assert result.message
    assert result.message in sentence(done)
    assert result.command == "mkdir -p /nonexistent"


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
    """A directory that this user may not write to, for files and for the table."""
    tmp_path.chmod(0o500)
    try:
        done = prefault(*RUN, "--backing", "file", "--dir", str(tmp_path))
        assert (done.returncode, "may not write" in sentence(done)) == (3, True)
        done = prefault(*SMALL_GRID, "--out", str(tmp_path / "grid.csv"))
        assert (done.returncode, "cannot be written" in sentence(done)) == (2, True)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.needs("small_tmpfs")
def test_a_full_directory_is_one_sentence(small_tmpfs_directory: Path) -> None:
    """No room for the file, and none for the table: nothing of either is left."""
    where = str(small_tmpfs_directory)
    done = prefault(*RUN, "--backing", "tmpfs", "--dir", where, "--size", "2MiB")
    assert (done.returncode, where in sentence(done)) == (3, True)
    filler = small_tmpfs_directory / "filler"
    try:
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(2 << 20))
        table = small_tmpfs_directory / "grid.csv"
        done = prefault(*SMALL_GRID, "--out", str(table))
        assert f"{table} cannot be written" in sentence(done).replace(".host.json", ".csv")
        assert done.returncode == 2
        assert list(small_tmpfs_directory.iterdir()) == [filler]
    finally:
        for path in small_tmpfs_directory.iterdir():
            path.unlink()


def test_a_kernel_without_populate() -> None:
    """EINVAL for 22 and 23: populating is unavailable, touching runs, doctor says which."""
    without = (sys.executable, str(Path(__file__).parents[1] / "filtered.py"), "populate", COMMAND)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*without, *arguments], capture_output=True, text=True)

    done = run(*RUN)
    assert (done.returncode, "POPULATE_WRITE" in sentence(done)) == (3, True)
    assert run("run", "--backing", "anon", "--method", "Write").returncode == 0
    data = json.loads(run("doctor", "--json").stdout)
    available = {each["name"]: each["available"] for each in data["capabilities"]}
    assert not available["MADV_POPULATE_READ"]
    assert not available["MADV_POPULATE_WRITE"]
    assert available[f"anon {format_bytes(PAGE_SIZE_BYTES)}"]


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """With --resume or without, exit 2 and the file as it was."""
    path = tmp_path / "grid.csv"
    path.write_text("name,price\nbread,3\n")
    for more in ((), ("--resume",)):
        done = prefault(*SMALL_GRID, "--out", str(path), *more)
        assert (done.returncode, str(path) in sentence(done)) == (2, True)
    assert path.read_text() == "name,price\nbread,3\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_of_another_kind_is_not_gone_on_with(tmp_path: Path) -> None:
    """Another version, other sizes, another kernel: each is refused by name, exit 2."""
    path = tmp_path / "grid.csv"
    grid = ("matrix", "--only", f"private anon {PAGE} read", "--repeats", "1", "--out", str(path))
    assert prefault(*grid).returncode == 0
    assert "exists already: go on with it by --resume" in sentence(prefault(*grid))
    assert "sizes_bytes" in sentence(prefault(*grid, "--resume", "--sizes", "4MiB"))
    host = path.with_suffix(".host.json")
    whole = host.read_text()
    host.write_text(whole.replace(os.uname().release, "5.14.0"))
    assert "kernel '5.14.0'" in sentence(prefault(*grid, "--resume"))
    host.write_text(whole)
    path.write_text(path.read_text().replace("prefault-kit/1", "prefault-kit/9"))
    done = prefault(*grid, "--resume")
    assert (done.returncode, "another version" in sentence(done)) == (2, True)


def test_a_matrix_without_a_cell_that_runs(tmp_path: Path) -> None:
    """Exit 3 and no file when nothing of it can run; a directory that was given must be good."""
    grid = ("matrix", "--out", str(tmp_path / "grid.csv"))
    done = prefault(*grid, "--only", "tmpfs", "--sizes", "1000TiB")
    assert (done.returncode, "none of the 16 cells" in sentence(done)) == (3, True)
    done = prefault(*grid, "--dir", "/nonexistent")
    assert (done.returncode, "does not exist" in sentence(done)) == (3, True)
    assert list(tmp_path.iterdir()) == []


# Broken off


def test_ctrl_c_ends_a_run_cleanly() -> None:
    """Exit 130, one sentence, and the worker with its memory is gone."""
    command = start(*LONG_RUN)
    worker = await_worker(command)
    command.send_signal(signal.SIGINT)
    output, errors = command.communicate()
    assert (command.returncode, output) == (130, "")
    assert errors.strip() == "prefault-kit: stopped; nothing is left behind"
    await_true(lambda: is_gone(worker))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_a_killed_run_leaves_no_process(name: str) -> None:
    """Whatever ends the command ends its worker."""
    command = start(*LONG_RUN)
    worker = await_worker(command)
    command.send_signal(getattr(signal, name))
    command.communicate()
    await_true(lambda: is_gone(worker))


def test_a_killed_worker_is_a_failed_experiment() -> None:
    """Exit 1 and words; with --json the object too."""
    command = start(*LONG_RUN, "--json")
    os.kill(await_worker(command), signal.SIGKILL)
    output, errors = command.communicate()
    result = Result.from_dict(json.loads(output))
    assert (command.returncode, result.outcome) == (1, "error")
    assert "SIGKILL" in errors
    assert len(errors.splitlines()) == 1


def journaled(path: Path) -> list[dict[str, float]]:
    """The repetitions that a matrix under way has noted so far."""
    try:
        lines = path.with_suffix(".part").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_kill_9_loses_no_repetition(tmp_path: Path) -> None:
    """Killed in the middle of a group, --resume keeps all that was noted and does the rest."""
    path = tmp_path / "grid.csv"
    command = start(*LONG_GRID, "--out", str(path))
    await_true(lambda: path.exists() and table_file.read(path) and len(journaled(path)) > 20)
    worker = children(command.pid)[0]
    command.kill()
    command.communicate()
    await_true(lambda: is_gone(worker))

    kept, finished = journaled(path), table_file.read(path)
    with path.open("a") as cut_short:
        cut_short.write("prefault-kit/1,memfd,4096,priv")
    with path.with_suffix(".part").open("a") as cut_short:
        cut_short.write('{"cell": 1, "repet')
    done = prefault(*LONG_GRID, "--out", str(path), "--resume")
    assert (done.returncode, done.stderr) == (0, "")

    rows = table_file.read(path)
    assert rows[: len(finished)] == finished
    assert len(rows) == 26
    assert all(len(row.timings_ms) == 25 for row in rows)
    for entry in kept:
        row, repetition = rows[int(entry["cell"])], int(entry["repetition"])
        assert [row.warmup_ms, *row.timings_ms][repetition] == entry["elapsed_ms"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["grid.csv", "grid.host.json"]


def test_ctrl_c_ends_a_matrix_to_be_resumed(tmp_path: Path) -> None:
    """Exit 130 and how to go on; the rows are whole when it is gone on with."""
    path = tmp_path / "grid.csv"
    command = start(*LONG_GRID, "--out", str(path))
    await_true(lambda: len(journaled(path)) > 5)
    worker = children(command.pid)[0]
    command.send_signal(signal.SIGINT)
    _, errors = command.communicate()
    assert command.returncode == 130
    assert errors == f"prefault-kit: stopped; the same command with --resume goes on with {path}\n"
    await_true(lambda: is_gone(worker))
    assert prefault(*LONG_GRID, "--out", str(path), "--resume").returncode == 0
    assert all(len(row.timings_ms) == 25 for row in table_file.read(path))


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

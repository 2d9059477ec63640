"""``prefault-kit matrix``: the grid, broken off and gone on with."""

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from prefault_kit.cli.ending import Ending
from prefault_kit.cli.matrix import matrix
from prefault_kit.studies.grid import matrix as grids
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.recording import NotRecordedError
from tests.cli.command import (
    PAGE,
    SMALL_GRID,
    await_true,
    children,
    environment,
    is_gone,
    prefault,
    prefault_here,
    sentence,
    start,
)

MANY_SIZES = ",".join(f"{2 * number}MiB" for number in range(1, 3001))
REPEATS = 12
LONG_GRID = (*SMALL_GRID, "--sizes", "4MiB", "--repeats", str(REPEATS))
HELD = f"""
import time
from prefault_kit.studies.grid.recording import Recording
add, write = Recording._add, Recording._write
added = []
def _add(self, rows):
    add(self, rows)
    added.append(rows)
def _write(self, entry):
    write(self, entry)
    if added and entry["repetition"] == {REPEATS // 2}:
        time.sleep(600)
Recording._add, Recording._write = _add, _write
"""
"""A matrix that stops in the middle of its second group: a quick machine is done in a moment."""


@pytest.fixture
def held(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of such a matrix."""
    place = tmp_path_factory.mktemp("held")
    (place / "sitecustomize.py").write_text(HELD)
    paths = [str(place), os.environ.get("PYTHONPATH")]
    return environment(PYTHONPATH=os.pathsep.join(filter(None, paths)))


def test_matrix_writes_and_prints_the_grid(tmp_path: Path) -> None:
    """A row a cell in the file, the same for people and, with --json, for programs."""
    path = tmp_path / "grid.csv"
    done = prefault(*SMALL_GRID, "--repeats", "2", "--out", str(path), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert data["rows"] == table_file.rows(table_file.read(path))
    assert len(data["rows"]) == 5 + 5 + 5 + 11
    again = prefault_here(*SMALL_GRID, "--repeats", "2", "--out", str(path), "--resume")
    assert again.returncode == 0
    assert "shared memfd" in again.stdout
    assert again.stdout.count("FALLOCATE+POPULATE_WRITE") == 1
    assert max(map(len, again.stdout.splitlines())) <= 80


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
        (("--out", "grid.csv", "--repeats", str(10**21)), "from 1 to 10000, not 1000"),
        (("--out", "grid.csv", "--sizes", MANY_SIZES), "at most 32 sizes, not 3000"),
    ],
)
def test_bad_input_to_matrix_is_one_sentence(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """A grid that makes no sense, or has no place to go: exit 2 before any file is made."""
    done = prefault_here("matrix", *arguments, cwd=tmp_path)
    assert words in sentence(done)
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("ordinary_user")
def test_no_permission_is_one_sentence(tmp_path: Path) -> None:
    """A table in a directory that this user may not write to."""
    tmp_path.chmod(0o500)
    try:
        done = prefault_here(*SMALL_GRID, "--out", str(tmp_path / "grid.csv"))
        assert (done.returncode, "cannot be written" in sentence(done)) == (2, True)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.needs("small_tmpfs")
def test_a_full_directory_is_one_sentence(small_tmpfs_directory: Path) -> None:
    """No room for the table: nothing of it is left."""
    filler = small_tmpfs_directory / "filler"
    try:
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(2 << 20))
        table = small_tmpfs_directory / "grid.csv"
        done = prefault_here(*SMALL_GRID, "--out", str(table))
        assert f"{table} cannot be written" in sentence(done).replace(".host.json", ".csv")
        assert done.returncode == 2
        assert list(small_tmpfs_directory.iterdir()) == [filler]
    finally:
        for path in small_tmpfs_directory.iterdir():
            path.unlink()


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """With --resume or without, exit 2 and the file as it was."""
    path = tmp_path / "grid.csv"
    path.write_text("name,price\nbread,3\n")
    for more in ((), ("--resume",)):
        done = prefault_here(*SMALL_GRID, "--out", str(path), *more)
        assert (done.returncode, str(path) in sentence(done)) == (2, True)
    assert path.read_text() == "name,price\nbread,3\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_of_another_kind_is_not_gone_on_with(tmp_path: Path) -> None:
    """Another version, other sizes, another kernel: each is refused by name, exit 2."""
    path = tmp_path / "grid.csv"
    grid = ("matrix", "--only", f"private anon {PAGE} read", "--repeats", "1", "--out", str(path))
    assert prefault_here(*grid).returncode == 0
    assert "exists already: continue it with --resume" in sentence(prefault_here(*grid))
    assert "sizes_bytes" in sentence(prefault_here(*grid, "--resume", "--sizes", "4MiB"))
    host = path.with_suffix(".host.json")
    whole = host.read_text()
    host.write_text(whole.replace(os.uname().release, "5.14.0"))
    assert "kernel '5.14.0'" in sentence(prefault_here(*grid, "--resume"))
    host.write_text(whole)
    path.write_text(path.read_text().replace("prefault-kit/1", "prefault-kit/9"))
    done = prefault_here(*grid, "--resume")
    assert (done.returncode, "another version" in sentence(done)) == (2, True)


def test_a_matrix_without_a_cell_that_runs(tmp_path: Path) -> None:
    """Exit 3 and no file when nothing of it can run; a directory that was given must be good."""
    grid = ("matrix", "--out", str(tmp_path / "grid.csv"))
    done = prefault_here(*grid, "--only", "tmpfs", "--sizes", "1000TiB")
    assert (done.returncode, "none of the 16 cells" in sentence(done)) == (3, True)
    done = prefault_here(*grid, "--dir", "/nonexistent")
    assert (done.returncode, "does not exist" in sentence(done)) == (3, True)
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_was_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    """A row that contradicts the plan: one sentence, exit 2, and the files as they were."""
    path = tmp_path / "grid.csv"
    grid = ("matrix", "--only", f"private memfd {PAGE} Read", "--repeats", "2", "--out", str(path))
    assert prefault_here(*grid).returncode == 0
    path.write_text(path.read_text().replace(",empty,1,2,", ",cached,9,7777,"))
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    done = prefault_here(*grid, "--resume")
    assert "start 'cached', not 'empty' as planned" in sentence(done)
    assert (done.returncode, done.stdout) == (2, "")
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("error", "advised"),
    [
        (NotRecordedError(errno.ENOSPC, "No space left on device", "grid.csv"), True),
        (PermissionError(errno.EACCES, "Permission denied", "published_timings.csv"), False),
    ],
)
def test_only_the_table_s_own_errors_advise_to_resume(
    error: OSError, advised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data file that cannot be read is no table that cannot be written."""

    def run(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(grids, "run", run)
    arguments = ["--only", f"private anon {PAGE} Read", "--out", "grid.csv"]
    with pytest.raises(Ending if advised else PermissionError) as caught:
        matrix.main(arguments, standalone_mode=False)
    said = "grid.csv cannot be written: No space left on device: continue with --resume"
    assert (said in str(caught.value)) == advised


def journaled(path: Path) -> list[dict[str, float]]:
    """The repetitions that a matrix under way has noted so far."""
    try:
        lines = path.with_suffix(".part").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_kill_9_loses_no_repetition(tmp_path: Path, held: dict[str, str]) -> None:
    """Killed in the middle of a group, --resume keeps all that was noted and does the rest."""
    path = tmp_path / "grid.csv"
    command = start(*LONG_GRID, "--out", str(path), env=held)
    await_true(
        lambda: (
            path.exists()
            and table_file.read(path)
            and any(each["repetition"] == REPEATS // 2 for each in journaled(path))
        )
    )
    worker = children(command.pid)[0]
    command.kill()
    command.communicate(timeout=60)
    await_true(lambda: is_gone(worker))

    kept, finished = journaled(path), table_file.read(path)
    with path.open("a") as cut_short:
        cut_short.write("prefault-kit/1,memfd,4096,priv")
    with path.with_suffix(".part").open("a") as cut_short:
        cut_short.write('{"cell": 1, "repet')
    done = prefault_here(*LONG_GRID, "--out", str(path), "--resume")
    assert (done.returncode, done.stderr) == (0, "")

    rows = table_file.read(path)
    assert rows[: len(finished)] == finished
    assert len(rows) == 26
    assert all(len(row.timings_ms) == REPEATS for row in rows)
    for entry in kept:
        row, repetition = rows[int(entry["cell"])], int(entry["repetition"])
        assert [row.warmup_ms, *row.timings_ms][repetition] == entry["elapsed_ms"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["grid.csv", "grid.host.json"]


def test_ctrl_c_ends_a_matrix_to_be_resumed(tmp_path: Path, held: dict[str, str]) -> None:
    """Exit 130 and how to go on; the rows are whole when it is gone on with."""
    path = tmp_path / "grid.csv"
    command = start(*LONG_GRID, "--out", str(path), env=held)
    await_true(lambda: len(journaled(path)) > 5)
    worker = children(command.pid)[0]
    command.send_signal(signal.SIGINT)
    _, errors = command.communicate(timeout=60)
    assert command.returncode == 130
    assert errors == f"prefault-kit: stopped; the same command with --resume continues {path}\n"
    await_true(lambda: is_gone(worker))
    assert prefault_here(*LONG_GRID, "--out", str(path), "--resume").returncode == 0
    assert all(len(row.timings_ms) == REPEATS for row in table_file.read(path))

"""prefault_kit.studies.comparison.reading: whatever file comes, a run or one sentence."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.measure import saved, table_file
from prefault_kit.studies import comparison
from prefault_kit.studies.comparison import reading
from prefault_kit.studies.grid.table_file import rows
from tests.studies.comparison.made import KERNELS, RUN, answer, jittered

RESULTS = table_file.read(RUN)[:3]
HOST = {"kernel": "6.1", "machine": "x86_64"}
CELL = {"timings_ms": [0.5], "best_ms": 0.5, "median_ms": 0.5, "repeats": 1}


def file(directory: Path, data: Any, name: str = "a.json") -> Path:
    """A file of JSON, or of a text as it is."""
    path = directory / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def grid(**cell: Any) -> dict[str, Any]:
    """A grid of one cell, as ``contribute`` writes it."""
    known = {name: value for name, value in vars(RESULTS[0]).items() if value}
    known = {**known, **CELL, **cell}
    return {"format": reading.FORMAT, "kind": "grid", "host": HOST, "rows": [known]}


def verdicts(**known: Any) -> dict[str, Any]:
    """A verdict of a host, as ``contribute`` writes it."""
    rows = [answer() | known]
    return {"format": reading.FORMAT, "kind": "verdicts", "host": HOST, "rows": rows}


def test_a_table_has_its_host_beside_it(tmp_path: Path) -> None:
    """Facts and cells; without a host file, no facts."""
    path = jittered(tmp_path / "grid.csv", 1, cells=2)
    found = comparison.read(path)
    assert (found.name, found.kind, found.size) == ("grid", "grid", 2)
    assert found.host["thp"] == "madvise"
    path.with_suffix(".host.json").unlink()
    assert comparison.read(path).host == {}
    assert [each.best_ms for each in found.results] == [
        each.best_ms for each in table_file.read(path)
    ]


def test_all_that_commands_write_is_read(tmp_path: Path) -> None:
    """What run, matrix and check print, and what was saved."""
    own = [each.as_dict() | {"host": HOST} for each in RESULTS]
    printed = {"schema": saved.SCHEMA, "table": "a.csv", "host": HOST, "rows": rows(RESULTS)}
    for data, size in (
        (own[0], 1),
        ({"schema": saved.SCHEMA, "results": own}, 3),
        (printed, 3),
        (grid(), 1),
        (verdicts(), 1),
    ):
        found = comparison.read(file(tmp_path, data))
        assert (found.size, found.host) == (size, HOST)
        assert all(each.host == {} for each in found.results)
    found = comparison.read(file(tmp_path, [answer()]))
    assert (found.kind, found.host) == ("verdicts", {})


def test_each_recorded_kernel_is_read() -> None:
    """The files of data/kernels, whose facts are those of the guest."""
    paths = sorted(KERNELS.glob("*.json"))
    runs = comparison.read_all(paths)
    assert [run.size for run in runs] == [
        len(json.loads(path.read_text())["verdicts"]) for path in paths
    ]
    assert {run.host["accelerator"] for run in runs} == {"tcg"}
    assert runs[0].file_systems == ("ext4", "xfs", "btrfs")


def test_a_run_comes_back_from_its_own_format(tmp_path: Path) -> None:
    """Cells and verdicts, each field."""
    for path in (RUN, KERNELS / "6.1.176.json"):
        run = comparison.read(path)
        again = comparison.read(file(tmp_path, reading.as_dict(run), f"{run.name}.json"))
        assert again == run


def test_runs_are_told_apart(tmp_path: Path) -> None:
    """By directories where files are called alike; the same file twice is numbered."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        file(tmp_path / name, grid(), "grid.json")
    one, other = tmp_path / "a" / "grid.json", tmp_path / "b" / "grid.json"
    assert [run.name for run in comparison.read_all([one, other])] == ["a/grid", "b/grid"]
    names = [run.name for run in comparison.read_all([one, one])]
    assert all(name.endswith(f"a/grid #{at}") for at, name in enumerate(names, 1))
    with pytest.raises(ValueError, match="at most 200 runs are compared, not 201"):
        comparison.read_all([one] * 201)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "neither a table nor JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("null", "no run of this kit"),
        ("[]", "0 verdicts"),
        ("{}", "no run of this kit"),
        ('{"schema": {}}', "another version"),
        ('{"schema": "<script>"}', "another version"),
        ('{"schema": "prefault-kit/1", "rows": [{}]}', "other columns"),
        ('{"schema": "prefault-kit/1", "rows": 1}', "rows are no list"),
        ('{"schema": "prefault-kit/1", "results": [1]}', "no list of objects"),
        ('{"schema": "prefault-kit/1", "results": []}', "0 cells"),
        ('{"schema": "prefault-kit/1", "plan": {}}', "name the .csv beside it"),
        ('{"schema": "prefault-kit/trial-1"}', "a trial of a program"),
        ('{"fields": [], "groups": {}}', "a recording of weights"),
        ("PK\x03\x04", "a trace or a recording of latencies"),
        ("\x00\x01", "neither a table nor JSON"),
        ('{"format": "prefault-kit run/1", "kind": []}', "it is not prefault-kit run/1"),
        ('{"format": "prefault-kit kernel/1"}', "damaged"),
        ("[NaN]", "neither a table nor JSON"),
        ("[1e999]", "an object"),
        (f"[{'9' * 5000}]", "neither a table nor JSON"),
        (json.dumps(grid()).replace("0.5", "NaN"), "neither a table nor JSON"),
        (json.dumps(grid()).replace("0.5", "1e999"), "timings_ms is [inf]"),
        (grid(timings_ms=[-0.5]), "timings_ms is [-0.5]"),
        (grid(timings_ms=[1e300], best_ms=1e300, median_ms=1e300), "a time in it is none"),
        (grid(timings_ms=[5e-324], best_ms=5e-324, median_ms=5e-324), "a time in it is none"),
        (grid(timings_ms=[]), "without timings_ms"),
        (grid(best_ms=0.1), "best_ms is 0.1, but"),
        (grid(size_bytes=-4096), "size_bytes is -4096"),
        (grid(size_bytes=1 << 80), "size_bytes is"),
        (grid(page_size_bytes=4095), "no power of two"),
        (grid(backing="<b>"), "backing is '<b>'"),
        (grid(file_system="<b>ext4"), "file_system is '<b>ext4'"),
        (grid(file_system="a\x1b[2J"), "file_system is 'a\\x1b[2J'"),
        (grid(notes=["a\x1b[2J"]), "control characters"),
        (grid(notes=["a" * 5000]), "over 4000 letters"),
        (grid(more=1), "it has more"),
        (grid(**{f"field {at}": at for at in range(1000)}), "it has field 0, field 1, "),
        (grid() | {"rows": grid()["rows"] * 2}, "twice"),
        (grid() | {"rows": "x"}, "no list of objects"),
        (grid() | {"host": []}, "of the host is no object"),
        (grid() | {"host": {"kernel": "<script>"}}, "kernel of the host is '<script>'"),
        (grid() | {"host": {"cpu": "a\nb"}}, "cpu of the host is 'a\\nb'"),
        (grid() | {"host": {"cpus": -1}}, "cpus of the host is -1"),
        (grid() | {"host": {"page_size_bytes": 3}}, "page_size_bytes of the host is 3"),
        (grid() | {"host": {"damon": ["x"] * 100}}, "damon of the host is"),
        (grid() | {"host": {"huge_page_pools": [{"total": 1}]}}, "huge_page_pools of the host"),
        (verdicts(verdict="splendid"), "a verdict in it is 'splendid'"),
        (verdicts(id="<b>"), "a promise in it is called '<b>'"),
        (verdicts(backing="a\u202eb"), "a promise in it is called"),
        (verdicts(observed="\x07"), "control characters"),
        (verdicts(observed=1), "observed is 1, and is to be a text"),
        (verdicts(more=1), "more is 1, and is to be left out"),
        (verdicts() | {"rows": verdicts()["rows"] * 2}, "twice"),
        (verdicts() | {"rows": {}}, "no list of objects"),
    ],
)
def test_what_is_no_run_is_one_sentence(tmp_path: Path, data: Any, words: str) -> None:
    """It names the file, and is short and printable whatever that holds."""
    path = file(tmp_path, data)
    with pytest.raises(ValueError) as caught:
        comparison.read(path)
    said = str(caught.value)
    assert words in said
    assert said.startswith(f"{path} ")
    assert said.isprintable()
    assert len(said) < 2 * len(str(path)) + 450


def test_a_large_file_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    """Before they are read; a FIFO is not waited for, and neither is one as a host file."""
    large = tmp_path / "large.json"
    large.touch()
    os.truncate(large, reading.MOST_BYTES + 1)
    os.mkfifo(tmp_path / "fifo")
    table = jittered(tmp_path / "grid.csv", 1, cells=1)
    beside = table.with_suffix(".host.json")
    beside.unlink()
    os.mkfifo(beside)
    for path, words in (
        (large, r"larger than any run \(16 MiB\)"),
        (tmp_path / "fifo", "not a regular file"),
        (tmp_path, "is a directory"),
        (table, "with grid.host.json beside it, it is not a regular file"),
    ):
        with pytest.raises(ValueError, match=words):
            comparison.read(path)
    beside.unlink()
    beside.write_text("{}")
    with pytest.raises(ValueError, match="it is not the host file of a table"):
        comparison.read(table)
    with pytest.raises(FileNotFoundError):
        comparison.read(tmp_path / "none.csv")


def test_results_of_several_hosts_are_no_run(tmp_path: Path) -> None:
    """Nobody could say of which host a time is."""
    own = [RESULTS[at].as_dict() | {"host": {"kernel": str(at)}} for at in (0, 1)]
    path = file(tmp_path, {"schema": saved.SCHEMA, "results": own})
    with pytest.raises(ValueError, match="several hosts"):
        comparison.read(path)


def test_unknown_facts_are_not_taken_over(tmp_path: Path) -> None:
    """A host's name, for one; that they are there is known."""
    path = file(tmp_path, grid() | {"host": HOST | {"hostname": "pluto", "<b>\x07": 1}})
    found = comparison.read(path)
    assert found.host == HOST
    assert found.left_out == ("hostname", "<b>\\x07")

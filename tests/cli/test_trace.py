"""``prefault-kit trace``, and what others make of a trace: what is printed, how it ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import trace_file
from prefault_kit.measure.trace import Trace
from prefault_kit.studies.trace import NothingSeen, running
from tests.cli.command import await_true, is_gone, prefault_here, sentence, start
from tests.studies.trace import made
from tests.studies.trace.made import file, mapping, trace


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """What recording gives or raises, and then what it was asked."""
    data = tmp_path / "data"
    data.write_bytes(bytes(64 * PAGE))
    faults = [(0, 3, 1), (0, 20, 1), (1, 4, 2), (1, 5, 0)]
    known: list[object] = [trace(*faults, mappings=(file(data), mapping()))]

    def run(*words: object, **options: object) -> Trace:
        known.append((words, options))
        if isinstance(known[0], Exception):
            raise known[0]
        assert isinstance(known[0], Trace)
        return known[0]

    monkeypatch.setattr(running, "run", run)
    return known


def test_people_get_a_table(recorded: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is not in it; everything behind the dashes is the program's."""
    monkeypatch.setenv("COLUMNS", "400")  # a long path is not folded, wherever its file is
    done = prefault_here("trace", "--duration", "3", "--", "prog", "--json", "-x")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("4 faults", "working set", "data", "anonymous", "took no fault"):
        assert words in done.stdout
    (command,), options = recorded[1]  # type: ignore[misc]
    assert command == ("prog", "--json", "-x")
    assert options == {"duration_s": 3.0, "outputs": (1, 2)}


@pytest.mark.parametrize(("columns", "has"), [("80", False), ("150", True)])
def test_a_table_is_no_wider_than_its_terminal(
    recorded: list[object], monkeypatch: pytest.MonkeyPatch, columns: str, has: bool
) -> None:
    """Where there is little room it has fewer columns, and no head is broken in two."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = prefault_here("trace", "--", "prog").stdout.splitlines()
    assert max(map(len, lines)) <= int(columns)
    (head,) = [line.split() for line in lines if "mapping" in line and "touched" in line]
    assert ("faults" in head, "written" in head) == (True, has)


def test_json_is_one_object(recorded: list[object]) -> None:
    """The program's output goes to stderr then."""
    done = prefault_here("trace", "--json", "--", "prog")
    found = json.loads(done.stdout)
    assert (found["schema"], found["faults"], found["pages"]) == ("prefault-kit/trace-1", 4, 4)
    assert [each["kind"] for each in found["mappings"]] == ["file", "anonymous"]
    assert recorded[1][1]["outputs"] == (2, 2)  # type: ignore[index]


def test_a_trace_is_saved_compared_shown_and_exported(
    recorded: list[object], tmp_path: Path
) -> None:
    """One after the other; what is there is not replaced, and asked about before anything runs."""
    pytest.importorskip("jinja2")
    saved = str(tmp_path / "a.trace")
    assert prefault_here("trace", "--out", saved, "--", "prog").returncode == 0
    assert len(trace_file.load(saved)) == 4
    done = prefault_here("trace", "--compare", saved, "--", "prog")
    assert "files: 100% of what was touched now" in done.stdout
    assert "and 0% of that" in done.stdout
    page = str(tmp_path / "a.html")
    done = prefault_here("trace", "--load", saved, "--export", page, "--json")
    assert json.loads(done.stdout)["faults"] == 4
    assert "<svg" in Path(page).read_text()
    asked = len(recorded)
    for words in (("--out", saved), ("--export", page), ("--out", str(tmp_path / "no" / "a"))):
        again = prefault_here("trace", *words, "--", "prog")
        assert again.returncode == 2
        assert words[1] in sentence(again) or "No such" in again.stderr
    assert len(recorded) == asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a command"),
        (("--load", "a", "--", "prog"), "give a command"),
        (("--load", "a", "--out", "b"), "nothing runs with --load"),
        (("--load", "no-such-file"), "cannot read no-such-file"),
        (("--load", "/dev/null"), "not a regular file"),
        (("--load", __file__), "is not a trace of this kit"),
        (("--compare", __file__, "--", "prog"), "is not a trace of this kit"),
        (("--out", "/proc/a", "--", "prog"), "cannot be written"),
        (("--around", "2GiB", "--", "prog"), "from 0 to 1 GiB"),
    ],
)
def test_bad_usage(recorded: list[object], words: tuple[str, ...], said: str) -> None:
    """Status 2 and a sentence; nothing has run."""
    done = prefault_here("trace", *words)
    assert done.returncode == 2
    assert said in sentence(done)
    assert len(recorded) == 1


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (NothingSeen(), 3, "setuid"),
        (FileNotFoundError(errno.ENOENT, "No such file", "prog"), 2, "prog cannot be run: no such"),
        (OSError(errno.EACCES, "perf_event_open"), 3, "cannot be observed"),
        (ValueError("duration is wrong"), 2, "duration is wrong"),
    ],
)
def test_what_cannot_be_recorded(
    recorded: list[object], tmp_path: Path, error: Exception, status: int, said: str
) -> None:
    """A status and a sentence; no file is there."""
    recorded[0] = error
    done = prefault_here("trace", "--out", str(tmp_path / "a.trace"), "--", "prog")
    assert done.returncode == status
    assert said in sentence(done)
    assert not (tmp_path / "a.trace").exists()


def test_a_full_disk(
    recorded: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded is told all the same, and no part of a file is there."""

    def full(_: Trace, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(trace_file, "save", full)
    done = prefault_here("trace", "--out", str(tmp_path / "a.trace"), "--", "prog")
    assert done.returncode == 1
    assert "4 faults" in done.stdout
    assert "no space left on device" in sentence(done)


@pytest.mark.needs("own_mounts")
def test_a_disk_that_fills_up(namespace: Callable[[str], list[str]], tmp_path: Path) -> None:
    """On a real one: no file, and nothing beside it."""
    program = (
        "import errno, os, pathlib, sys; from prefault_kit.measure import saved\n"
        "try: saved.write(pathlib.Path(sys.argv[1]) / 'a', sys.stdin.buffer.read())\n"
        "except OSError as error: print(errno.errorcode[error.errno], os.listdir(sys.argv[1]))"
    )
    line = f"mount -t tmpfs -o size={4 * PAGE} none {tmp_path}"
    done = subprocess.run(
        [*namespace(line), sys.executable, "-c", program, str(tmp_path)],
        input=os.urandom(64 * PAGE), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == b"ENOSPC []\n"


def test_prefault_from_a_trace(recorded: list[object], tmp_path: Path) -> None:
    """What it would bring, and what it brought; with its windows."""
    saved = str(tmp_path / "a.trace")
    prefault_here("trace", "--out", saved, "--", "prog")
    done = prefault_here("prefault", "--from-trace", saved, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "would be looked for" in done.stdout
    done = prefault_here("prefault", "--from-trace", saved, "--around", "0")
    assert "looked for, 0 brought" in done.stdout  # it was just written
    done = prefault_here("prefault", "--from-trace", saved, "--around", "0", "--json")
    [row] = json.loads(done.stdout)["files"]
    assert (row["runs"], row["done_bytes"], row["note"]) == (2, 2 * PAGE, None)
    (tmp_path / "data").unlink()
    done = prefault_here("prefault", "--from-trace", saved)
    assert done.returncode == 0
    assert "no such file or directory: skipped" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a FILE or several, or"),
        (("a", "--from-trace", "b"), "name a FILE or several, or"),
        (("a", "--dry-run"), "goes with --from-trace"),
        (("--from-trace", "a", "--tensor", "b"), "do not go with --from-trace"),
        (("--from-trace", "no-such-file"), "cannot read no-such-file"),
        (("--from-trace", __file__), "is not a trace of this kit"),
    ],
)
def test_prefault_asks_for_one_of_both(words: tuple[str, ...], said: str) -> None:
    """Status 2 and a sentence."""
    done = prefault_here("prefault", *words)
    assert done.returncode == 2
    assert said in sentence(done)


def test_a_review_of_a_trace(recorded: list[object], tmp_path: Path) -> None:
    """Its record says what it is of, and the command repeats it."""
    saved = str(tmp_path / "a.trace")
    prefault_here("trace", "--out", saved, "--", "prog")
    words = ("review", "--trace", saved, "--mapping", "2", "--repeats", "2")
    done = prefault_here(*words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["workload"]["replay"]["accesses"] == 2
    assert found["workload"]["backing"]["kind"] == "anon"
    assert f"--trace {saved} --mapping 2" in found["command"]
    assert "--read" not in found["command"]
    assert "of 1 it is not known" in found["notes"][0]
    [nothing] = [each for each in found["candidates"] if each["name"] == "nothing"]
    assert nothing["minor_faults"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--read", "1"), "leave --read out"),
        (("--size", "1MiB"), "leave --size out"),
        (("--preset", "fake-nvdimm"), "leave --preset"),
        (("--mapping", "9"), "has mappings 1 to 2, and no 9"),
        (("--mapping", "0"), "has mappings 1 to 2, and no 0"),
    ],
)
def test_what_a_trace_settles(
    recorded: list[object], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Status 2 and a sentence."""
    saved = str(tmp_path / "a.trace")
    prefault_here("trace", "--out", saved, "--", "prog")
    done = prefault_here("review", "--trace", saved, *words)
    assert done.returncode == 2
    assert said in sentence(done)
    assert "name that with --trace" in prefault_here("review", "--mapping", "1").stderr


@pytest.mark.needs("compiler")
@pytest.mark.needs("fault_events")
def test_ctrl_c_saves_what_there_is(tmp_path: Path) -> None:
    """The program ends, and the trace is there: status 130."""
    command = start("trace", "--out", str(tmp_path / "a"), "--json", "--", made.program(), "wait")
    assert command.stderr is not None
    assert command.stderr.readline() == "ready\n"
    child = next(
        int(each)
        for each in Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    )
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "the program was stopped" in err
    assert json.loads(out)["stopped"] is True
    assert len(trace_file.load(tmp_path / "a")) > 1
    await_true(lambda: is_gone(child))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a"]

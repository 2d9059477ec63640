"""``prefault-kit attach``: what it prints, and how it ends."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.process import process as module
from tests.cli.command import prefault, prefault_here, sentence

ME = str(os.getpid())


@pytest.fixture
def memory() -> Iterator[Mapping]:
    """Pages of this process, of which the first half is written."""
    with Mapping(Backing.anon(), 64 * PAGE) as made:
        made.touch_write(0, 32 * PAGE)
        yield made


def test_another_process_as_a_table() -> None:
    """The command, by itself: totals, mappings, the rest summed, no false alarm, the cost."""
    with subprocess.Popen(["sleep", "60"]) as running:
        done = prefault("attach", str(running.pid), "--most", "3")
        running.kill()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Process {running.pid} (sleep), 1 thread" in done.stdout
    assert "more mappings" in done.stdout
    assert "Nothing is amiss" in done.stdout
    assert "at the longest" in done.stdout


@pytest.mark.parametrize(("columns", "has"), [("80", False), ("150", True)])
def test_a_narrow_screen_has_few_columns(
    memory: Mapping, monkeypatch: pytest.MonkeyPatch, columns: str, has: bool
) -> None:
    """No word is cut; what says nothing has no column anywhere."""
    monkeypatch.setenv("COLUMNS", columns)
    text = prefault_here("attach", ME, "--most", "3").stdout
    assert "more mappings" in text
    heads = next(line for line in text.splitlines() if line.startswith(" address"))
    assert ("anonymous" in heads.split() and "dirty" in heads.split()) is has
    assert "swapped" not in heads


def test_as_json_with_everything(memory: Mapping) -> None:
    """One object; the page map has the pages that were written."""
    done = prefault_here(
        "attach", ME, "--json", "--changes", "0.05", "--map", f"{memory.address:#x}"
    )
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    own = next(each for each in data["mappings"] if each["address"] == memory.address)
    assert own["resident_bytes"] == 32 * PAGE
    assert "MADV_NOHUGEPAGE" in own["advice"]
    assert [each["present"] for each in data["page_map"]["cells"]] == [1] * 32 + [0] * 32
    assert data["changes"]["seconds"] > 0
    assert data["pid"] == os.getpid()
    assert data["looking"]["longest_ms"] > 0


def test_a_map_and_changes_in_words(memory: Mapping) -> None:
    """Letters, and sentences."""
    done = prefault_here("attach", ME, "--changes", "0.05", "--map", f"{memory.address:x}")
    assert done.returncode == 0
    assert "A" * 32 + "." * 32 in done.stdout
    assert "minor fault" in done.stdout


def test_the_table_is_of_the_second_look(memory: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --changes, of which the table is the end."""
    monkeypatch.setattr(module.Process, "wait", lambda *_: memory.touch_write())
    data = json.loads(prefault_here("attach", ME, "--json", "--changes", "0.05").stdout)
    own = next(each for each in data["mappings"] if each["address"] == memory.address)
    assert own["resident_bytes"] == 64 * PAGE


@pytest.mark.skipif(features.fault_events() is not None, reason="needs perf events")
def test_faults_in_tables() -> None:
    """Of this process, which takes some by looking."""
    done = prefault_here("attach", ME, "--faults", "0.1")
    assert done.returncode == 0
    assert "minor fault" in done.stdout


def test_an_export(tmp_path: Path) -> None:
    """Both files; a second time it is refused before anything is looked at."""
    pytest.importorskip("jinja2")
    page = tmp_path / "p.html"
    assert prefault_here("attach", ME, "--export", str(page)).returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["p.html", "p.json"]
    again = prefault_here("attach", "4194304", "--export", str(page))
    assert again.returncode == 2
    assert "exists already" in sentence(again)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("4194304",), 1, "there is no process 4194304"),
        (("0",), 2, "a process id is a whole number from 1 to 4194304, not 0"),
        (("me",), 2, "'me' is not a valid integer"),
        ((ME, "--map", "zz"), 2, "'zz' is no address"),
        ((ME, "--map", "1" * 20), 2, "more than 64 bits"),
        ((ME, "--map", "1"), 2, "has no mapping at 0x1"),
        ((ME, "--changes", "0"), 2, "seconds are more than 0"),
        ((ME, "--changes", "nan"), 2, "seconds are more than 0"),
        ((ME, "--longest-ms", "-1"), 2, "--longest-ms"),
        ((ME, "--export", "p.json"), 2, "is no name of a page"),
        ((ME, "--read-file", "1"), 2, "has no mapping at 0x1"),
    ],
)
def test_errors_are_a_sentence(arguments: tuple[str, ...], status: int, words: str) -> None:
    """And the exit status says of which kind."""
    done = prefault_here("attach", *arguments)
    assert done.returncode == status
    assert words in sentence(done)


@pytest.mark.needs("root")
@pytest.mark.parametrize("as_json", [False, True])
def test_another_users_process(ordinary_user: None, as_json: bool) -> None:
    """Totals all the same, status 3, and the command that helps."""
    done = prefault_here("attach", str(os.getppid()), *(["--json"] if as_json else []))
    assert done.returncode == 3
    assert f"sudo $(command -v prefault-kit) attach {os.getppid()}" in sentence(done)
    if as_json:
        data = json.loads(done.stdout)
        assert data["totals_bytes"]["VmRSS"] > 0
        assert data["mappings"] is None
    else:
        assert "resident" in done.stdout


def test_what_is_done_is_told(memory: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    """An advice that the kernel takes from outside, and one that it refuses."""
    done = prefault_here("attach", ME, "--willneed", f"{memory.address:x}", "--most", "1")
    assert done.stdout.startswith(
        f"MADV_WILLNEED was given for the mapping at 0x{memory.address:x}"
    )

    def refuse(*_: object) -> None:
        raise OSError(22, "invalid argument")

    monkeypatch.setattr(module.syscalls, "advise_process", refuse)
    done = prefault_here("attach", ME, "--collapse", f"{memory.address:x}")
    assert done.returncode == 1
    assert "MADV_COLLAPSE of the mapping" in sentence(done)


def test_reading_the_file_behind() -> None:
    """Of a library that is mapped; stack memory has none."""
    library = next(
        line for line in Path("/proc/self/maps").read_text().splitlines() if "libc.so" in line
    )
    done = prefault_here("attach", ME, "--read-file", library.partition("-")[0], "--most", "1")
    assert done.returncode == 0
    assert "of the file at 0x" in done.stdout
    stack = next(
        line for line in Path("/proc/self/maps").read_text().splitlines() if "[stack]" in line
    )
    done = prefault_here("attach", ME, "--read-file", stack.partition("-")[0])
    assert done.returncode == 1
    assert "no regular file" in sentence(done)

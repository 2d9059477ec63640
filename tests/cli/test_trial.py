"""``prefault-kit try``: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import errno
import json
import shlex
import signal
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import saved
from prefault_kit.studies.trial import record
from tests.cli.command import PATIENCE_S, await_true, is_gone, prefault_here, sentence, start
from tests.kernel import traced

PAGES = 512
SMALL = ("try", "--repeats", "2", "--only", "POPULATE_WRITE", "--min-size", str(PAGES * PAGE))


def program(*words: object) -> tuple[str, ...]:
    """The program in C as a command line has it."""
    return ("--", traced.program(), *map(str, words))


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_people_get_tables_and_an_answer() -> None:
    """The mappings, the rows, the tracer's own cost."""
    done = prefault_here(*SMALL, "--kind", "anonymous private", *program("write", PAGES, 2))
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "POPULATE_WRITE",
        "nothing",
        "traced",
        "tracer's own cost",
        "anonymous private",
        "longest wait",
    ):
        assert words in done.stdout


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_json_is_one_object() -> None:
    """With the rows, a variant among them, and the recommendation, whatever it is."""
    variant = f"--variant=three={traced.program()} write {PAGES} 3"
    done = prefault_here(*SMALL, variant, "--json", *program("write", PAGES, 2))
    found = json.loads(done.stdout)
    names = [each["name"] for each in found["rows"] if each["outcome"] == "ok"]
    assert names == ["nothing", "traced", "POPULATE_WRITE", "three"]
    assert found["recommendation"]["name"]
    assert found["host"]["kernel"]


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_page_a_summary_and_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As asked for, the summary in that of GitHub too; the record can be read; the command line in
    it repeats the trial."""
    pytest.importorskip("jinja2")
    page, record_file = tmp_path / "t.html", tmp_path / "t.json"
    summary = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    words = (*SMALL, "--export", str(page), "--out", str(record_file), "--github", "--json")
    done = prefault_here(*words, *program("write", PAGES, 1))
    assert done.returncode == 0
    assert done.stderr.startswith("::notice title=Which advice helps ")
    assert summary.read_text() == page.with_suffix(".md").read_text() + "\n"
    summary.unlink()
    assert {each.name for each in tmp_path.iterdir()} == {"t.html", "t.md", "t.json"}
    assert "POPULATE_WRITE" in page.read_text()
    loaded = record.load(record_file)
    assert [each.name for each in loaded.rows] == ["nothing", "traced", "POPULATE_WRITE"]
    assert str(tmp_path) not in record_file.read_text()
    said = json.loads(done.stdout)["command_line"]
    assert shlex.split(said)[2:] == [
        "--min-size", str(PAGES * PAGE), "--only", "POPULATE_WRITE", "--repeats", "2",
        *program("write", PAGES, 1),
    ]  # fmt: skip


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_what_cannot_be_written_in_the_end_loses_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up: status 1 and the file, the result on stdout all the same."""
    pytest.importorskip("jinja2")

    def fail(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(saved, "write", fail)
    for option, said in (("--out", "record could not be written"), ("--export", "export failed")):
        words = (*SMALL, option, str(tmp_path / "t.html"), "--json")
        done = prefault_here(*words, *program("write", PAGES, 1))
        assert done.returncode == 1 and json.loads(done.stdout)["outcome"] == "ok"
        assert said in sentence(done) and "no space left" in sentence(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--export", "taken", "exists already"),
        ("--out", "taken", "exists already"),
        ("--export", "no/such/t.html", "cannot write"),
        ("--out", "no/such/t.json", "cannot write"),
        ("--export", "t.md", "no name of a page"),
    ],
)
def test_what_cannot_be_written_is_told_first(
    tmp_path: Path, option: str, name: str, said: str
) -> None:
    """Nothing is run for it, and nothing is left."""
    pytest.importorskip("jinja2")
    (tmp_path / "taken").write_text("mine")
    done = prefault_here("try", option, str(tmp_path / name), "--", "touch", str(tmp_path / "ran"))
    assert done.returncode == 2
    assert said in sentence(done)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_the_record_is_none_of_the_exported_files(tmp_path: Path) -> None:
    """Which would be written over it."""
    pytest.importorskip("jinja2")
    names = ("--export", str(tmp_path / "t.html"), "--out", str(tmp_path / "t.md"))
    done = prefault_here("try", *names, "--", "true")
    assert done.returncode == 2 and "would be the export" in sentence(done)


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_list_of_mappings() -> None:
    """For people and as JSON; nothing is tried."""
    words = ("try", "--min-size", str(PAGES * PAGE), "--list")
    assert "anonymous private" in prefault_here(*words, *program("anonymous", PAGES)).stdout
    done = prefault_here(*words, "--json", *program("anonymous", PAGES, 2))
    found = json.loads(done.stdout)["mappings"]
    assert any((each["kind"], each["count"]) == ("anonymous private", 2) for each in found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "CMD"),
        (("--only", "DONTNEED", "--", "true"), "no candidate"),
        (("--kind", "stack", "--", "true"), "stack"),
        (("--repeats", "1", "--", "true"), "from 2 to 1000"),
        (("--ready", "(", "--", "true"), "regular expression"),
        (("--ready", "a", "--port", "1", "--", "true"), "give one of them"),
        (("--load", "true", "--", "true"), "say when it is"),
        (("--load", "'", "--ready", "a", "--", "true"), "cannot be read as a command"),
        (("--variant", "a", "--", "true"), "NAME='CMD...'"),
        (("--variant", "a=true", "--variant", "a=false", "--", "true"), "its own name"),
        (("--memory-limit", "1", "--", "true"), "at least 4 MiB"),
        (("--io-limit", "1", "--", "true"), "at least 64 KiB a second"),
        (("--", "/no/such/program"), "no such program"),
        (("--", "/etc/passwd"), "not executable"),
    ],
)
def test_bad_usage(words: tuple[str, ...], said: str) -> None:
    """One sentence and status 2."""
    done = prefault_here("try", *words)
    assert done.returncode == 2
    assert said in sentence(done)


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_program_that_cannot_be_tried() -> None:
    """Status 1, and why."""
    done = prefault_here(*SMALL, *program("trace"))
    assert done.returncode == 1
    assert "traces programs itself" in sentence(done)


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_cold_files_are_asked_for_first() -> None:
    """Where nobody can be asked, nothing is evicted."""
    done = prefault_here(*SMALL, "--start", "cold", *program("anonymous", PAGES))
    assert done.returncode == 2
    assert "--yes" in sentence(done)


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_program_ends_with_the_command(how: signal.Signals, tmp_path: Path) -> None:
    """Stopped or killed in the middle of a run."""
    mark = tmp_path / "mark"  # a word of the command line to find the process by
    words = f"{traced.program()} spin {PAGES} {mark}; true"  # a child of what is tried
    command = start("try", "--", "sh", "-c", words)
    found: list[int] = []

    def runs() -> bool:
        for each in Path("/proc").glob("[1-9]*/cmdline"):
            try:
                words = each.read_bytes().split(b"\0")
                waits = each.with_name("stat").read_text().rpartition(")")[2].split()[0] == "S"
            except OSError:
                continue
            own = words[:2] == [traced.program().encode(), b"spin"] and str(mark).encode() in words
            if own and waits:  # no longer on its way there, where it could not live on its own
                found.append(int(each.parent.name))
        return bool(found)

    await_true(runs)
    command.send_signal(how)
    _, said = command.communicate(timeout=PATIENCE_S)
    if how == signal.SIGINT:
        assert (command.returncode, said.strip()) == (
            130,
            "prefault-kit: stopped; nothing is left behind",
        )
    await_true(lambda: is_gone(found[0]))

"""``prefault-kit review``: what it prints, how it ends, what it leaves."""

import contextlib
import json
import os
import resource
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review.candidates import CANDIDATES
from tests.cli.command import (
    PATIENCE_S,
    await_true,
    children,
    prefault,
    prefault_here,
    sentence,
    start,
)

SMALL = ("review", "--backing", "anon", "--sharing", "private", "--size", "1MiB", "--repeats", "2")


def test_json_is_one_object_with_all_candidates() -> None:
    """The names that scripts rely on, and the weights that were asked for."""
    done = prefault(*SMALL, "--write", "0.5", "--weights", "startup=0.5,tail=1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [each["name"] for each in found["candidates"]] == list(CANDIDATES)
    assert found["recommendation"]["name"]
    assert found["weights"] == {"startup": 0.5, "tail": 1.0, "written": 0.0, "memory": 0.0}
    assert "crossover_written_fraction" in found
    assert found["host"]["kernel"]


def test_people_get_a_table_a_reason_and_the_command() -> None:
    """Also why a candidate does not apply."""
    done = prefault_here(*SMALL, "--no-sweep")
    assert done.returncode == 0
    for words in (
        "POPULATE_WRITE",
        "1 MiB",
        "this memory is not on one",
        "to repeat: prefault-kit review",
    ):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--write", "2"), "fraction"),
        (("--content", "cold"), "backing file"),
        (("--weights", "speed=1"), "no weight"),
        (("--weights", "written=1e308"), "from 0 to 1,000,000,000"),
        (("--preset", "vm-ram"), "give one of"),
        (("--repeats", "1" + "0" * 21), "from 2 to 10000"),
        (("--threads", "1" + "0" * 12), "from 1 to 1024"),
        (("--size", "1024TiB"), "at most 8 TiB"),
    ],
)
def test_bad_usage_is_one_sentence(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Status 2, and the limit where there is one."""
    done = prefault_here(*SMALL, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in sentence(done)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "no such file or directory"),
        ("fifo", "is no regular file"),
        (".", "is no regular file"),
        ("loop", "too many levels of symbolic links"),
        ("/dev/zero", "is no regular file"),
        ("empty", "is empty"),
    ],
)
def test_what_cannot_be_reviewed_is_bad_usage(tmp_path: Path, name: str, said: str) -> None:
    """At once, without waiting for one who writes to a FIFO; the sentence names it."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").write_text("")
    done = prefault_here("review", "--existing-file", str(tmp_path / name), cwd=tmp_path)
    assert done.returncode == 2
    assert said in sentence(done)
    assert str(tmp_path / name) in sentence(done)


def test_more_of_a_file_than_there_is_is_bad_usage(tmp_path: Path) -> None:
    """The sentence has the size of the file."""
    path = tmp_path / "mine"
    path.write_bytes(bytes(5 * PAGE))
    done = prefault_here("review", "--existing-file", str(path), "--size", str(6 * PAGE))
    assert done.returncode == 2
    assert f"{5 * PAGE} bytes" in sentence(done)


def test_a_huge_sparse_file_is_reviewed_in_part_or_not_at_all(tmp_path: Path) -> None:
    """What the kit itself would need for all of it is counted before anything runs."""
    path = tmp_path / "mine"
    with path.open("wb") as file:
        file.truncate(8 << 40)
    done = prefault_here("review", "--existing-file", str(path), "--size", "8TiB")
    assert done.returncode == 3
    assert "for the kit's own lists" in sentence(done)
    done = prefault_here(
        *("review", "--existing-file", str(path), "--size", str(64 * PAGE)),
        *("--repeats", "2", "--no-sweep"),
    )
    assert done.returncode == 0
    assert "".join(str(path).split()) in "".join(done.stdout.split())  # a long one is wrapped
    assert "ask for more with --size" in " ".join(done.stdout.split())


def test_a_file_that_is_truncated_meanwhile_fails(tmp_path: Path) -> None:
    """Status 1 and the reason; the JSON object says so too."""
    path = tmp_path / "mine"
    path.write_bytes(bytes(4096 * PAGE))
    command = start("review", "--existing-file", str(path), "--repeats", "10000", "--json")
    await_true(lambda: maps(command.pid, path))
    os.truncate(path, 0)
    stdout, stderr = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 1
    assert "truncated" in stderr
    assert json.loads(stdout)["outcome"] == "error"


def maps(pid: int, path: Path) -> bool:
    """Whether the worker of a command has mapped a file."""
    for child in children(pid):
        with contextlib.suppress(OSError):  # it has ended: it was none
            if str(path) in Path(f"/proc/{child}/maps").read_text():
                return True
    return False


def test_where_an_export_cannot_be_written_nothing_is_measured(tmp_path: Path) -> None:
    """Status 2, at once: ten thousand repetitions would take longer than a test."""
    target = tmp_path / "none" / "review.html"
    done = prefault_here(*SMALL, "--repeats", "10000", "--export", str(target))
    assert done.returncode == 2
    assert f"cannot write {target}: no such file or directory" in sentence(done)


def test_an_export_that_fails_in_the_end_loses_no_result(tmp_path: Path) -> None:
    """As on a full disk: everything is printed, neither file is there, status 1."""
    target = tmp_path / "review.html"
    done = prefault(
        *(*SMALL, "--no-sweep", "--export", str(target), "--json"),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},  # what it imports would be cut too
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    )
    assert done.returncode == 1
    assert f"{target}: file too large" in sentence(done)
    assert json.loads(done.stdout)["recommendation"]["name"]
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_status_3() -> None:
    """Nothing is begun."""
    done = prefault_here("review", "--backing", "memfd", "--size", "4TiB")
    assert done.returncode == 3
    assert "memory" in sentence(done)


def test_a_file_of_ones_own_is_reviewed_and_stays(tmp_path: Path) -> None:
    """Read alone, by a user who may do no more."""
    path = tmp_path / "mine.bin"
    path.write_bytes(os.urandom(64 * PAGE))
    path.chmod(0o400)
    before = path.read_bytes()
    done = prefault_here("review", "--existing-file", str(path), "--repeats", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    said = {each["name"]: each["outcome"] for each in found["candidates"]}
    assert said["POPULATE_READ"] == "ok"
    assert said["POPULATE_WRITE"] == "not-applicable"
    assert path.read_bytes() == before


def test_the_export_is_written_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """A page and a summary; a second time it is refused before anything runs."""
    target = tmp_path / "review.html"
    assert prefault_here(*SMALL, "--no-sweep", "--export", str(target)).returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["review.html", "review.md"]
    again = prefault_here(*SMALL, "--no-sweep", "--export", str(target))
    assert again.returncode == 2
    assert "exists already" in sentence(again)


def test_a_preset_is_a_case_that_options_change(disk_directory: Path) -> None:
    """Its words and weights, but for what is said otherwise."""
    done = prefault_here(
        "review",
        *("--preset", "fake-nvdimm", "--dir", str(disk_directory), "--size", "1MiB"),
        *("--repeats", "2", "--no-sweep", "--json"),
    )
    found = json.loads(done.stdout)
    case = found["workload"]
    assert (case["content"], case["write"], case["size_bytes"]) == ("large-chunks", 0.01, 1 << 20)
    assert found["weights"]["written"] == 1.0


def test_a_preset_that_no_host_can_show_says_why() -> None:
    """DAX wants persistent memory."""
    done = prefault_here("review", "--preset", "dax")
    assert done.returncode == 3
    assert "persistent memory" in sentence(done)

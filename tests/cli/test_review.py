"""``prefault-kit review``: what it prints, how it ends, what it leaves."""

import json
import os
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review.candidates import CANDIDATES
from tests.cli.command import prefault, sentence

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
    done = prefault(*SMALL, "--no-sweep")
    assert done.returncode == 0
    for words in (
        "POPULATE_WRITE",
        "1 MiB",
        "nothing lies on a disk",
        "again: prefault-kit review",
    ):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--write", "2"), "fraction"),
        (("--content", "cold"), "backing file"),
        (("--weights", "speed=1"), "no weight"),
        (("--existing-file", "/none"), "/none"),
        (("--preset", "vm-ram"), "give one of"),
    ],
)
def test_bad_usage_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    """Status 2, or 1 where there is no such file."""
    options = SMALL if words[0] != "--existing-file" else ("review",)
    done = prefault(*options, *words)
    assert done.returncode == (2 if words[0] != "--existing-file" else 1)
    assert said in sentence(done)


def test_what_does_not_fit_is_status_3() -> None:
    """Nothing is begun."""
    done = prefault("review", "--backing", "memfd", "--size", "1024TiB")
    assert done.returncode == 3
    assert "memory" in sentence(done)


def test_a_file_of_ones_own_is_reviewed_and_stays(tmp_path: Path) -> None:
    """Read alone, by a user who may do no more."""
    path = tmp_path / "mine.bin"
    path.write_bytes(os.urandom(64 * PAGE))
    path.chmod(0o400)
    before = path.read_bytes()
    done = prefault("review", "--existing-file", str(path), "--repeats", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    said = {each["name"]: each["outcome"] for each in found["candidates"]}
    assert said["POPULATE_READ"] == "ok"
    assert said["POPULATE_WRITE"] == "not-applicable"
    assert path.read_bytes() == before


def test_the_export_is_written_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """A page and a summary; a second time it is refused before anything runs."""
    target = tmp_path / "review.html"
    assert prefault(*SMALL, "--no-sweep", "--export", str(target)).returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["review.html", "review.md"]
    again = prefault(*SMALL, "--no-sweep", "--export", str(target))
    assert again.returncode == 2
    assert "exists already" in sentence(again)


def test_a_preset_is_a_case_that_options_change(disk_directory: Path) -> None:
    """Its words and weights, but for what is said otherwise."""
    done = prefault(
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
    done = prefault("review", "--preset", "dax")
    assert done.returncode == 3
    assert "persistent memory" in sentence(done)

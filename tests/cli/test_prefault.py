"""``prefault-kit prefault``: files into the page cache."""

import json
import os
from pathlib import Path

import pytest

from prefault_kit.cli.bar import heard
from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import support

from .command import prefault_here, sentence

PAGES = 16


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 16 pages."""
    path = tmp_path / "data"
    path.write_bytes(bytes(PAGES * PAGE))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A safetensors file of two tensors."""
    header = json.dumps(
        {
            "a": {"dtype": "U8", "shape": [PAGE], "data_offsets": [0, PAGE]},
            "b": {"dtype": "U8", "shape": [PAGE], "data_offsets": [PAGE, 2 * PAGE]},
        }
    ).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2 * PAGE))
    return path


def test_files(file: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row each, and what cannot be promised, once."""
    monkeypatch.setenv("COLUMNS", "400")
    done = prefault_here("prefault", str(file), str(model))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("may evict") == 1
    assert "data" in done.stdout and "model.safetensors" in done.stdout


def test_progress_is_of_all_of_it(file: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never goes back, and each file is named."""
    monkeypatch.setenv("PREFAULT_BAR", "lines")
    done = prefault_here("prefault", str(file), str(model))
    told = [each for each in map(heard, done.stderr.splitlines()) if each]
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert parts[0] >= 0.5  # the larger file comes first
    assert {words.partition(": ")[0] for _, words in told} == {str(file), str(model)}


def test_json(file: Path, model: Path) -> None:
    """One object, with every figure of each."""
    done = prefault_here("prefault", str(file), str(model), "--threads", "2", "--json")
    found = json.loads(done.stdout)["files"]
    assert [each["file"] for each in found] == [str(file), str(model)]
    assert found[0]["size_bytes"] == found[0]["done_bytes"] == PAGES * PAGE
    assert (found[0]["complete"], found[0]["threads"]) == (True, 2)


def test_tensors(model: Path) -> None:
    """By name, and those alone."""
    done = prefault_here("prefault", str(model), "--tensor", "b", "--tensor", "a", "--json")
    found = json.loads(done.stdout)["files"]
    assert [each["name"] for each in found] == [f"{model}: b", f"{model}: a"]
    assert all(each["size_bytes"] == 2 * PAGE for each in found)


def test_a_budget(file: Path) -> None:
    """What is cached already costs nothing; what is not is left, which is told and no failure."""
    done = prefault_here("prefault", str(file), "--leave-free", "1000TiB", "--json")
    assert json.loads(done.stdout)["files"][0]["complete"]
    with open(file, "r+b") as opened:
        if page_cache.evict(opened.fileno()) != 0:
            return
    done = prefault_here("prefault", str(file), "--at-most", "0")
    assert done.returncode == 0
    assert "the budget ended it" in done.stdout
    done = prefault_here("prefault", str(file), str(file), "--at-most", "0")
    assert f"- {file}: the budget ended it" in done.stdout


def test_a_budget_is_of_all_files_together(file: Path) -> None:
    """What the first one took is not there for the second."""
    second = file.with_name("second")
    second.write_bytes(bytes(PAGES * PAGE))
    for each in (file, second):
        with open(each, "r+b") as opened:
            if page_cache.evict(opened.fileno()) != 0:
                return
    most = str(PAGES * PAGE * 3 // 2)
    done = prefault_here("prefault", str(file), str(second), "--at-most", most, "--json")
    found = json.loads(done.stdout)["files"]
    assert [each["done_bytes"] for each in found] == [PAGES * PAGE, PAGES * PAGE // 2]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "FILE"),
        (("none",), 2, "none: no such file"),
        (("{tmp}",), 2, "not a regular file"),
        (("{file}", "--tensor", "a"), 1, "neither a safetensors nor a GGUF"),
        (("{model}", "--tensor", "z"), 2, "has no tensor 'z'; it has 2: a, b"),
        (("{file}", "--node", "4096"), 2, "no memory on node 4096"),
        (("{file}", "--threads", "0"), 2, "--threads is a whole number"),
        (
            ("{file}", "--at-most-of-cgroup", "2"),
            2,
            "--at-most-of-cgroup is a part above 0 up to 1",
        ),
        (("{file}", "--window", "1"), 2, "--window is a whole number"),
        (("{file}", "--leave-free", "much"), 2, "is not a size"),
    ],
    ids=str,
)
def test_errors_are_a_sentence(
    arguments: tuple[str, ...], status: int, said: str, file: Path, model: Path
) -> None:
    """And an exit status."""
    words = [each.format(file=file, model=model, tmp=file.parent) for each in arguments]
    done = prefault_here("prefault", *words)
    assert done.returncode == status
    assert said in sentence(done)


def test_a_file_that_is_cut_short_meanwhile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 1, with its name and the page."""
    from prefault_kit.memory.file_part import FilePart

    whole = FilePart.whole(file)
    monkeypatch.setattr(FilePart, "whole", lambda _: whole)
    os.truncate(file, 3 * PAGE)
    done = prefault_here("prefault", str(file))
    assert done.returncode == 1
    assert f"{file}: page 3 cannot be read (EFAULT)" in sentence(done)


def test_a_kernel_without_the_advice(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable, unless touching is allowed."""
    monkeypatch.setattr(support, "populate_refusal", lambda _: "EINVAL")
    done = prefault_here("prefault", str(file))
    assert done.returncode == 3
    assert "--touch" in sentence(done)
    done = prefault_here("prefault", str(file), "--touch", "--json")
    assert json.loads(done.stdout)["files"][0]["advice"] == "MADV_WILLNEED, touch_read"

"""prefault_kit.cli.kernels: what it says, and with which status it ends."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from prefault_kit.cli import kernels as module
from prefault_kit.cli.ending import Ending
from prefault_kit.studies.kernels.cache import VARIABLE
from prefault_kit.studies.kernels.compiling import CompilingError
from prefault_kit.studies.kernels.guest import Guest, Outcome
from prefault_kit.studies.kernels.record import Record
from prefault_kit.studies.kernels.recorded import find, of_the_kit


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def call(*words: str) -> Result:
    """The command in this process; what it raises is in the result."""
    return CliRunner().invoke(module.kernels, words)


def write(place: Path, version: str, **outcomes: str) -> None:
    """A record."""
    place.mkdir(parents=True, exist_ok=True)
    verdicts: list[dict[str, Any]] = [
        {
            "id": name.replace("_", "-"),
            "source": "a source",
            "claim": "a claim",
            "backing": "private anon",
            "expected": "seen",
            "observed": None if verdict == "not-testable" else "seen",
            "verdict": verdict,
            "reason": None,
        }
        for name, verdict in outcomes.items()
    ]
    made = Record(version, "x86_64", "tcg", ["ext4"], {"page_size_bytes": 4096}, verdicts)
    (place / f"{version}.json").write_text(made.dump())


def test_a_table_of_what_is_recorded(tmp_path: Path) -> None:
    """All promises, or those that kernels answer otherwise alone."""
    write(tmp_path, "5.10.1", read_zero="not-testable", same="holds")
    write(tmp_path, "6.1.1", read_zero="holds", same="holds")
    where = ("--dir", str(tmp_path))
    lines = call("table", *where).output.splitlines()
    assert lines[0].split() == ["promise", "5.10.1", "6.1.1"]
    assert [line.split() for line in lines[1:3]] == [
        ["read-zero", "-", "yes"],
        ["same", "yes", "yes"],
    ]
    assert "same" not in call("table", "--changes", *where).output
    assert json.loads(call("table", "--json", *where).output) == {
        "read-zero": {"5.10.1": "not testable", "6.1.1": "holds"},
        "same": {"5.10.1": "holds", "6.1.1": "holds"},
    }


def test_a_table_of_the_kit_s_kernels_and_one_s_own(cache: Path) -> None:
    """Side by side, where no directory is named."""
    of_the_kit = list(json.loads(call("table", "--json").output)["read-zero-page"])
    write(cache / "records", "5.9.1", read_zero_page="not-testable")
    both = list(json.loads(call("table", "--json").output)["read-zero-page"])
    assert both == ["5.9.1", *of_the_kit]


def test_a_table_that_would_not_fit_has_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key above it; no promise is cut off."""
    monkeypatch.setenv("COLUMNS", "100")
    lines = call("table").output.splitlines()
    names = [each.name for each in of_the_kit()]
    assert lines[: len(names)] == [
        f"{letter}  {name}" for letter, name in zip(string.ascii_uppercase, names, strict=False)
    ]
    assert lines[len(names)].split() == ["promise", *string.ascii_uppercase[: len(names)]]
    assert {line.split()[0] for line in lines[len(names) + 1 :]} == set(of_the_kit()[0].outcomes())


def test_a_table_of_nothing_says_what_to_run(tmp_path: Path) -> None:
    """And ends with 1."""
    error = call("table", "--dir", str(tmp_path)).exception
    assert isinstance(error, Ending)
    assert "no kernel is recorded" in str(error)
    assert "prefault-kit kernels run" in str(error)
    assert error.status == 1


def test_what_changed_between_two_kernels(tmp_path: Path) -> None:
    """One line each, up to the newest or another; as JSON too."""
    write(tmp_path, "5.10.1", a="not-testable", b="holds")
    write(tmp_path, "6.1.1", a="holds", b="holds")
    write(tmp_path, "6.12.1", a="holds", b="differs")
    where = ("--dir", str(tmp_path))
    assert call("table", "--since", "5.10", *where).output.splitlines() == [
        "b: private anon: holds, seen -> differs, seen (unexplained)",
        "a: private anon: not testable -> holds, seen (unexplained)",
        "5.10.1 -> 6.12.1: 2 verdicts of 2 changed: 1 seen otherwise, "
        "1 testable on only one of them",
    ]
    words = ("table", "--since", "6.1.1", "--until", "6.1", *where)
    assert call(*words).output == "6.1.1 -> 6.1.1: 0 verdicts of 2 changed\n"
    found = json.loads(call("table", "--since", "6.1", "--json", *where).output)
    assert (found["since"], found["until"]) == ("6.1.1", "6.12.1")
    assert [each["id"] for each in found["changes"]] == ["b"]


def test_a_kernel_that_is_not_recorded(tmp_path: Path) -> None:
    """Is bad usage, and those that are recorded are named."""
    write(tmp_path, "6.1.1", a="holds")
    for words in (("--since", "6.2"), ("--since", "6.1", "--until", "6.2")):
        result = call("table", *words, "--dir", str(tmp_path))
        assert result.exit_code == 2
        assert "no kernel 6.2 is recorded; recorded are: 6.1.1" in result.output


def test_a_file_that_is_no_record_is_told(tmp_path: Path) -> None:
    """By its path."""
    (tmp_path / "one.json").write_text(json.dumps({"format": "other"}))
    error = call("table", "--dir", str(tmp_path)).exception
    assert isinstance(error, Ending)
    assert "one.json is not a recorded kernel" in str(error)


def test_what_is_here_is_listed_without_a_network(cache: Path) -> None:
    """With the size of the cache; clean empties it."""
    (cache / "linux-x86_64-6.1.9" / "boot").mkdir(parents=True)
    (cache / "linux-x86_64-6.1.9" / "boot" / "vmlinuz-6.1.9").write_bytes(bytes(3 << 20))
    said = call("list", "--offline").output
    assert ["6.1", "6.1.9", "yes"] in [line.split() for line in said.splitlines()]
    assert f"{cache}: 3 MiB" in said
    listed = json.loads(call("list", "--offline", "--json").output)
    assert listed == {"offered": [], "cached": ["6.1.9"]}
    assert call("clean").output == f"{cache}: 3 MiB removed\n"
    assert not cache.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--fs", "zfs"), "--fs takes ext4, xfs, btrfs, tmpfs, not zfs"),
        (("run", "--fs", ""), "not none"),
        (("run", "6.1", "--kernel", "/bin/sh"), "either --kernel or versions"),
        (("run", "6.1", "--modules", "/"), "--modules belongs to --kernel"),
        (("run", "--limit", "0"), "--limit"),
        (("run", "--accel", "xen"), "--accel"),
        (("fetch",), "VERSION"),
        (("table", "--until", "6.1"), "--until belongs to --since"),
        (("table", "--since", "6.1", "--changes"), "leave --changes out"),
    ],
)
def test_bad_usage_is_told(words: tuple[str, ...], said: str) -> None:
    """Before anything is fetched."""
    result = call(*words)
    assert result.exit_code == 2
    assert said in result.output


def test_words_behind_two_dashes_are_a_command() -> None:
    """Its options are its own; the kit's command is the kit that the guest got."""
    script = module._script(("tmpfs",), ["prefault-kit", "run", "--backing", "a b"])
    assert "python3 -m prefault_kit run --backing 'a b' >/result/output" in script
    assert "mount -t tmpfs" in script
    assert "uname -a >/result/output" in module._script((), ["uname", "-a"])
    tests = module._script(("ext4",), ["tests", "tests/show"])
    assert "cd /job\npython3 -m pytest -q -p no:cacheprovider tests/show >/result/output" in tests
    assert "tests/kernel tests/memory" in module._script((), ["tests"])


def test_what_goes_wrong_below_is_a_sentence(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the status of what this host lacks."""
    monkeypatch.setenv("PATH", str(tmp_path))
    error = call("run", "6.1").exception
    assert isinstance(error, Ending)
    assert (error.status, "sudo apt install e2fsprogs" in str(error)) == (3, True)


class Answering(Guest):
    """A guest that has answered already."""

    answer: ClassVar[Outcome]

    def run(self, *_: Any, **__: Any) -> Outcome:
        """The answer."""
        return self.answer


Answer = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answer:
    """Let the kernel 6.1 answer with these verdicts."""

    def answer(verdicts: list[dict[str, Any]]) -> None:
        files = {
            "doctor.json": b'{"host": {"page_size_bytes": 4096}}',
            "verdicts.json": json.dumps(verdicts).encode(),
        }
        Answering.answer = Outcome("tcg", 1.0, 0, files)
        monkeypatch.setattr(module.image, "ensure", lambda *_: tmp_path / "root.img")
        made = "6.1.999", Answering(tmp_path, tmp_path)
        monkeypatch.setattr(module.catalogue, "fetched", lambda *_: made)

    return answer


def test_a_kernel_is_held_to_what_is_recorded(booted: Answer) -> None:
    """One that answers the same passes; a verdict that changed, or was never recorded, does not."""
    recorded = find(of_the_kit(), "6.1").verdicts
    booted(list(recorded))
    assert call("run", "6.1", "--expect").exit_code == 0
    changed = [dict(each) for each in recorded]
    changed[0] |= {"verdict": "differs", "observed": "2", "reason": "since today"}
    booted(changed)
    result = call("run", "6.1", "--expect")
    assert result.exception
    assert "6.1.999, of which another is recorded" in str(result.exception)
    assert f"{changed[0]['id']}: {changed[0]['backing']}: holds" in result.stderr
    assert call("run", "6.1").exit_code == 0
    booted([dict(recorded[0], id="new"), *recorded])
    assert "another is recorded" in str(call("run", "6.1", "--expect").exception)


def test_a_kernel_that_cannot_even_compile_is_told(
    booted: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it said; the others are booted all the same."""

    def compiled(*_: object) -> None:
        if not asked:
            asked.append(1)
            raise CompilingError("a guest could not compile the kit's C: panic")

    asked: list[int] = []
    booted(list(find(of_the_kit(), "6.1").verdicts))
    monkeypatch.setattr(module.compiling, "compiled", compiled)
    result = call("run", "6.1", "6.1")
    assert "6.1.999: a guest could not compile the kit's C: panic" in str(result.exception)
    assert "6.1.999 (tcg): " in result.output

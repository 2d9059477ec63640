"""prefault_kit.cli.kernels: what it says, and with which status it ends."""

import errno
import json
import platform
import string
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from prefault_kit.cli import kernels as module
from prefault_kit.cli.ending import Ending
from prefault_kit.studies.kernels.architecture import ARCHITECTURES, X86_64
from prefault_kit.studies.kernels.cache import VARIABLE, Cache
from prefault_kit.studies.kernels.compiling import CompilingError
from prefault_kit.studies.kernels.debian import Apt
from prefault_kit.studies.kernels.guest import Guest, Outcome
from prefault_kit.studies.kernels.record import Record, load_all
from prefault_kit.studies.kernels.recorded import find, of_the_kit

OTHER = next(name for name in ARCHITECTURES if name != platform.machine())


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
    write(tmp_path, "6.2.1", read_zero="holds")
    assert "same" not in call("table", "--changes", *where).output  # it was not asked
    (tmp_path / "6.2.1.json").unlink()
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
    hangs = Record("7.0.1", "x86_64", "tcg", [], {}, [], "it did not finish")
    (tmp_path / hangs.file_name).write_text(hangs.dump())
    assert call("table", "--since", " 6.1\n", "--until", " 6.1", *where).exit_code == 0
    found = json.loads(call("table", "--since", "6.1", "--json", *where).output)
    assert (found["since"], found["until"]) == ("6.1.1", "6.12.1")
    assert [each["id"] for each in found["changes"]] == ["b"]


def test_a_kernel_that_is_not_recorded(tmp_path: Path) -> None:
    """Is bad usage, and those that are recorded are named."""
    write(tmp_path, "6.1.1", a="holds")
    (tmp_path / "own.json").write_text(Record("own", "x86_64", "tcg", [], {}, [], "x").dump())
    for words, asked in (
        (("--since", "6.2"), "6.2"),
        (("--since", "6.1", "--until", "6.2"), "6.2"),
        (("--since", ""), "''"),
        (("--since", "6.1", "--until", " "), "''"),
    ):
        result = call("table", *words, "--dir", str(tmp_path))
        assert result.exit_code == 2
        assert f"no kernel {asked} is recorded; recorded are: own, 6.1.1" in result.output


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
    assert json.loads(call("clean", "--json").output) == {"cache": str(cache), "size_bytes": 0}


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
        (("table", "--until", ""), "--until belongs to --since"),
        (("table", "--since", "6.1", "--changes"), "leave --changes out"),
        (("table", "--since", "", "--changes"), "leave --changes out"),
        (("run", "--kernel", "/bin/sh", "--modules", "/nope"), "'/nope' does not exist"),
        (("run", "--kernel", "/bin/sh", "--modules", "/bin/sh"), "is a file"),
        (("run", "6.1", "--arch", OTHER, "--accel", "kvm"), f"--arch {OTHER} is another"),
        (("run", "6.1", "--expect", "--", "true"), "--expect is about verdicts"),
        (("run", "6.1", "--out", "x", "--", "true"), "--out is about verdicts"),
        (("run", "6.1", "--json", "--", "true"), "--json is about verdicts"),
        (("run", "6.1", "--out", "/bin/sh/records"), "cannot be written (not a directory)"),
        (("run", "6.1", "--out", "/proc"), "--out /proc cannot be written (no such file"),
        (("run", "6.1", "6.6", "--expect"), "--expect: no kernel 6.6 is recorded; recorded are: "),
        (("run", "6.12-16k", "--expect"), "no kernel 6.12-16k is recorded"),
    ],
)
def test_bad_usage_is_told(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(module, "Cache", None)  # which nothing is asked of
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
    assert "cd /job\n(python3 -u -m pytest -q -p no:cacheprovider --junitxml=/result" in tests
    assert "tests/show; echo $? >/tmp/status) 2>&1 | tee /result/output\nexit" in tests
    assert "mount -t overlay" in tests
    subprocess.run(["sh", "-n"], input=tests, text=True, check=True, timeout=60)
    assert "tests/kernel tests/memory" in module._script((), ["tests"])


def test_tests_in_a_guest_are_followed() -> None:
    """By the lines of pytest; no other line moves a bar."""
    moved: list[tuple[float, str]] = []
    hear = module._follow(lambda part, words: moved.append((part, words)), "6.1", 1, 2)
    for line in ("BEGUN", "[   3.2] loop0: detected", "..s.sF..x  [ 50%]", "PREFAULT_STEP 0.5 a b"):
        hear(line)
    assert moved == [(0.5, "6.1: boots"), (0.75, "6.1: 50% of the tests"), (0.75, "6.1: a b")]


def test_what_goes_wrong_below_is_a_sentence(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the status of what this host lacks."""
    monkeypatch.setenv("PATH", str(tmp_path))
    error = call("run", "6.1").exception
    assert isinstance(error, Ending)
    assert (error.status, "sudo apt install e2fsprogs" in str(error)) == (3, True)


def full(*_: object) -> None:
    """What write(2) says of a full disk, of which Python names no file."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_cache_that_is_full_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not standard output, whose errors have no name either."""
    monkeypatch.setattr(Apt, "__init__", full)
    error = call("list").exception
    assert isinstance(error, Ending)
    assert error.status == 3
    assert f"the cache {cache} cannot be used (no space left on device): set {VARIABLE}" in str(
        error
    )
    monkeypatch.setattr(module.click, "echo", full)
    assert type(call("list", "--offline").exception) is OSError


def test_a_file_of_the_cache_that_cannot_be_used_is_told(cache: Path) -> None:
    """A directory in the place of a file."""
    (cache / "records" / "6.1.9.json").mkdir(parents=True)
    error = call("table").exception
    assert isinstance(error, Ending)
    assert (error.status, f"the cache {cache} cannot be used" in str(error)) == (3, True)


def test_versions_may_have_blanks_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file's lines have."""
    asked: list[str] = []

    def fetched(_: Cache, __: object, version: str) -> None:
        asked.append(version)
        raise ValueError(f"no kernel {version}")

    monkeypatch.setattr(module.image, "ensure", lambda *_: Path())
    monkeypatch.setattr(module.catalogue, "fetched", fetched)
    for name in ("run", "fetch"):
        assert str(call(name, " 6.1\n").exception) == "no kernel 6.1"
    assert asked == ["6.1", "6.1"]


def test_tests_are_those_of_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed kit has none, and says so before a boot."""
    monkeypatch.setattr(module, "has_tests", lambda: False)
    monkeypatch.setattr(module, "Cache", None)
    result = call("run", "6.1", "--", "tests")
    assert (result.exit_code, "-- tests runs those of a checkout" in result.output) == (2, True)


class Answering(Guest):
    """A guest that has answered already."""

    answer: ClassVar[Outcome]
    boots: ClassVar[int] = 0

    def run(self, *_: Any, **__: Any) -> Outcome:
        """The answer."""
        Answering.boots += 1
        return self.answer


Answer = Callable[..., None]


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answer:
    """Let the kernel 6.1 answer with these verdicts."""

    def answer(verdicts: list[dict[str, Any]], mounted: str = "ext4 xfs btrfs tmpfs") -> None:
        files = {
            "mounted": "\n".join(mounted.split()).encode(),
            "output": b"hello\n",
            "doctor.json": b'{"host": {"page_size_bytes": 4096}}',
            "verdicts.json": json.dumps(verdicts).encode(),
        }
        Answering.answer = Outcome("tcg", 1.0, 0, files)
        Answering.boots = 0
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
    assert "failed: 6.1.999 (differs from its record)" in str(result.exception)
    assert f"{changed[0]['id']}: {changed[0]['backing']}: holds" in result.stderr
    assert call("run", "6.1").exit_code == 0
    for other in ([dict(recorded[0], id="new"), *recorded], recorded[1:]):
        booted(other)
        assert "differs from its record" in str(call("run", "6.1", "--expect").exception)


def test_a_file_system_that_is_lost_is_a_difference(booted: Answer) -> None:
    """Of those that were asked for alone."""
    recorded = [
        each for each in find(of_the_kit(), "6.1").verdicts if not each["backing"].endswith("xfs")
    ]
    booted(recorded, "ext4 btrfs tmpfs")
    assert "6.1.999: no xfs could be mounted" in str(call("run", "6.1", "--expect").exception)
    assert call("run", "6.1", "--expect", "--fs", "ext4,btrfs").exit_code == 0


def test_what_an_emulated_kernel_prints_is_no_time(booted: Answer) -> None:
    """Which is said beside it."""
    booted([])
    result = call("run", "6.1", "--", "prefault-kit", "run")
    assert result.stdout == "hello\n"
    assert result.stderr == "6.1.999: emulated, so no time in this means anything\n"


def test_what_the_tests_did_is_kept(booted: Answer, tmp_path: Path) -> None:
    """A line for each kernel, in place of an earlier one; none where the guest did not end."""
    booted([])
    files = Answering.answer.files
    words = "run", "6.1", "--out", str(tmp_path / "o"), "--", "tests"
    for name, failures in (("a", 0), ("b", 1)):
        case = f'<testcase name="{name}"/><testcase>{"<failure/>" * failures}</testcase>'
        report = f"<testsuites>{case}</testsuites>".encode()
        Answering.answer = Outcome("tcg", 1.0, failures, {**files, module.TESTED: report})
        assert bool(call(*words).exception) == bool(failures)
        kept = (tmp_path / "o" / "tests.csv").read_text().splitlines()
        assert kept == ["kernel,passed,skipped,failed,why", f"6.1.999,{2 - failures},0,{failures},"]
    Answering.answer = Outcome("tcg", 1.0, None, {}, ("panic",))
    assert "6.1.999 (panic)" in str(call(*words).exception)
    Answering.answer = Outcome("tcg", 1.0, 2, {})
    assert "6.1.999: its tests left no whole report" in str(call(*words).exception)
    assert (tmp_path / "o" / "tests.csv").read_text().splitlines() == kept


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


def test_a_verdict_without_a_reason_fails_the_run(booted: Answer, cache: Path) -> None:
    """And is recorded as it is."""
    verdicts = [dict(each) for each in find(of_the_kit(), "6.1").verdicts]
    verdicts[0] |= {"verdict": "differs", "observed": "2", "reason": None}
    booted(verdicts)
    result = call("run", "6.1")
    assert str(result.exception) == "failed: 6.1.999"
    assert "1 differs" in result.output
    assert load_all(cache / "records")[0].outcomes()[verdicts[0]["id"]] == "differs"


def test_a_series_without_a_record_is_not_booted(
    booted: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of all that can be had; the others are."""
    booted(list(find(of_the_kit(), "6.1").verdicts))
    monkeypatch.setattr(module.catalogue, "usual", lambda *_: ["6.6", "6.1"])
    monkeypatch.setattr(
        module.catalogue,
        "fetched",
        lambda _, __, version: (f"{version}.999", Answering(tmp_path, tmp_path)),
    )
    result = call("run", "--expect")
    assert "failed: 6.6.999: no kernel 6.6 is recorded; recorded are: " in str(result.exception)
    assert Answering.boots == 1
    assert "6.1.999 (tcg): " in result.output


@pytest.mark.parametrize("own", ["6.6.0", "6.6.0-rc1-00012-gabc", "odd"])
def test_one_s_own_kernel_without_a_record_is_told_after_its_boot(
    booted: Answer, monkeypatch: pytest.MonkeyPatch, cache: Path, own: str
) -> None:
    """Its version is not known before; what it answered is kept."""
    booted(list(find(of_the_kit(), "6.1").verdicts))
    monkeypatch.setattr(module, "Guest", Answering)
    host = {"kernel": own, "page_size_bytes": 4096}
    files = Answering.answer.files | {"doctor.json": json.dumps({"host": host}).encode()}
    Answering.answer = replace(Answering.answer, files=files)
    result = call("run", "--kernel", "/bin/sh", "--expect")
    assert f"failed: {own}: no kernel {'odd' if own == 'odd' else '6.6'} is recorded" in str(
        result.exception
    )
    assert [path.name for path in (cache / "records").iterdir()] == [f"{own}.json"]


def test_one_s_own_kernel_is_held_to_its_series(
    booted: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it adds to its version."""
    booted(list(find(of_the_kit(), "6.12").verdicts))
    monkeypatch.setattr(module, "Guest", Answering)
    host = {"kernel": "6.12.0-rc1-00012-gabc", "page_size_bytes": 4096}
    files = Answering.answer.files | {"doctor.json": json.dumps({"host": host}).encode()}
    Answering.answer = replace(Answering.answer, files=files)
    assert call("run", "--kernel", "/bin/sh", "--expect").exit_code == 0


def test_what_qemu_refuses_is_told_and_not_recorded(booted: Answer, cache: Path) -> None:
    """It is no kernel that failed; one that did is recorded, until it answers."""
    booted(list(find(of_the_kit(), "6.1").verdicts))
    answered = Answering.answer
    Answering.answer = Outcome("tcg", 1.0, None, {}, ("invalid kernel header",), refused=True)
    said = "failed: 6.1.999: it did not start: invalid kernel header"
    assert str(call("run", "6.1").exception) == said
    assert str(call("run", "6.1", "--", "true").exception) == said
    assert not (cache / "records").exists()
    Answering.answer = Outcome("tcg", 1.0, None, {}, ("panic",))
    assert str(call("run", "6.1").exception) == "failed: 6.1.999"
    assert [each.error for each in load_all(cache / "records")] == ["it did not finish: panic"]
    Answering.answer = answered
    assert call("run", "6.1").exit_code == 0
    assert [each.error for each in load_all(cache / "records")] == [""]


def test_a_damaged_module_is_a_failed_kernel(booted: Answer, tmp_path: Path) -> None:
    """By its name; the guest is not asked."""
    busybox = tmp_path / "busybox"
    busybox.touch()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "ext4.ko.xz").write_bytes(b"junk\n")
    booted([])
    (tmp_path / "bin").mkdir()
    qemu = tmp_path / "bin" / X86_64.qemu
    qemu.touch(mode=0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(qemu.parent))
        patch.setattr(module.compiling, "compiled", lambda *_: None)
        result = call("run", "--kernel", "/bin/sh", "--modules", str(tmp_path / "m"))
    assert f"failed: own: {tmp_path}/m/ext4.ko.xz is damaged" in str(result.exception)


def test_records_go_where_they_are_asked_for(booted: Answer, tmp_path: Path) -> None:
    """Whole: a disk that is full leaves the earlier one, and no part of a new one."""
    booted(list(find(of_the_kit(), "6.1").verdicts))
    out = tmp_path / "some" / "where"
    assert call("run", "6.1", "--out", str(out)).exit_code == 0
    before = (out / "6.1.999.json").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", full)
        error = call("run", "6.1", "--out", str(out)).exception
    assert isinstance(error, OSError)
    assert error.filename == str(out / "6.1.999.json")
    assert [path.name for path in out.iterdir()] == ["6.1.999.json"]
    assert (out / "6.1.999.json").read_bytes() == before


def test_a_record_that_the_cache_has_no_room_for_is_told(
    booted: Answer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the cache."""
    booted(list(find(of_the_kit(), "6.1").verdicts))
    monkeypatch.setattr(Path, "replace", full)
    error = call("run", "6.1").exception
    assert isinstance(error, Ending)
    assert f"the cache {cache} cannot be used (no space left on device)" in str(error)

"""prefault_kit.studies.trial.running: a whole trial of a small program."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.kernel import cgroup
from prefault_kit.kernel.diskstats import Device
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.trial import (
    Choice,
    Plan,
    TrialProgress,
    limit,
    run,
    running,
)
from prefault_kit.studies.trial.advice import recommend
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.run import RunFailed
from prefault_kit.studies.trial.running import rules_of, why_not, why_not_candidate
from tests.kernel import traced
from tests.studies.trial.made import ARRAY, FAST, FILE, PLAIN, row, trial

PAGES = 512
CHOICE = Choice(least_bytes=PAGES * PAGE, kinds=("anonymous private",))


def plan(*words: object, **options: object) -> Plan:
    """A small trial of the program in C."""
    known = {"choice": CHOICE, "repeats": 2, "candidates": ("POPULATE_WRITE", "WILLNEED")}
    return Plan((traced.program(), *map(str, words)), **known | options)  # type: ignore[arg-type]


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_every_row_has_its_runs_or_its_reason() -> None:
    """The program untraced and traced, what applies, a variant; progress goes up to 1."""
    told: list[TrialProgress] = []
    variant = {"twice": (traced.program(), "write", str(PAGES), "2")}
    found = run(plan("write", PAGES, 2, variants=variant), on_progress=told.append)
    assert (found.outcome, found.message) == ("ok", None)
    assert [(each.name, each.outcome, len(each.runs)) for each in found.rows] == [
        ("nothing", "ok", 2),
        ("traced", "ok", 2),
        ("POPULATE_WRITE", "ok", 2),
        ("twice", "ok", 2),
        ("WILLNEED", "not-applicable", 0),
    ]
    assert found.row("POPULATE_WRITE").median("advised") == 2
    assert found.row("traced").median("advised") == 0
    assert found.row("nothing").median("stops") == 0
    assert "file private" in (found.row("WILLNEED").message or "")
    assert found.moment == "mmap"
    parts = [each.part for each in told]
    assert parts == sorted(parts) and parts[-1] == 1
    assert [each.name for each in found.rows if each.seen] == ["traced", "POPULATE_WRITE"]
    assert found.options[:2] == ("--min-size", str(PAGES * PAGE))


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_after_the_programs_own_advice() -> None:
    """``auto`` waits for MADV_HUGEPAGE, which a populate before it would make useless."""
    hugepage = 14
    found = run(plan("write", PAGES, 2, hugepage, candidates=("POPULATE_WRITE", "drop its advice")))
    assert found.moment == "advice"
    assert found.row("POPULATE_WRITE").median("advised") == 2
    assert found.row("drop its advice").median("advised") == 2


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_program_that_handles_its_own_faults_is_refused() -> None:
    """Populated memory would change what it computes."""
    found = run(plan("handles", PAGES))
    assert found.outcome == "error"
    assert "userfaultfd" in (found.message or "")


def test_what_is_run_again_is_held_against_its_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the other way round, which would praise what is slower."""
    best = row("HUGEPAGE", *FAST)
    found = trial(*PLAIN, best)
    rows = [running._Row(each.name, ("true",), None) for each in found.rows]
    asked: list[list[str]] = []

    def turns(_: object, two: list[running._Row], *__: object) -> object:
        asked.append([each.name for each in two])
        return [list(PLAIN[1].runs), list(best.runs)], {}

    monkeypatch.setattr(running._Trying, "_turns", turns)
    trying = running._Trying(plan("write"), found, None)
    again = tuple(trying._again(found, rows, CHOICE, ()))
    assert asked == [["traced", "HUGEPAGE"]]
    advised = recommend(replace(found, again=again))
    assert advised and advised.name == "HUGEPAGE"
    assert advised.gain and advised.gain.ratio == 2


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_watched_run_that_fails_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was timed stays."""

    def fail(*_: object, **__: object) -> None:
        raise RunFailed("no luck")

    monkeypatch.setattr(running, "watch", fail)
    cached = itertools.count(0, PAGE)
    monkeypatch.setattr(running.files, "cached_bytes", lambda _: next(cached))
    found = run(plan("write", PAGES, 1))
    assert found.outcome == "ok" and found.row("POPULATE_WRITE").runs
    assert {each.cache_growth_bytes for row in found.rows for each in row.runs} == {PAGE}
    assert not any(each.seen for each in found.rows)
    assert "POPULATE_WRITE failed when it was watched: no luck" in found.notes


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_limited_io(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a device and a cgroup; else the reason. No cgroup is left."""
    found = run(plan("write", PAGES, 1, io_limit_bytes=1 << 30))
    if missing := limit.why_not(limit.IO):
        assert (found.outcome, found.message) == ("unavailable", missing.reason)
        return
    assert found.outcome == "ok" or "no block device" in (found.message or "")
    assert ("--io-limit", str(1 << 30)) == found.options[-2:]
    monkeypatch.setattr(limit, "devices_of", lambda _: [])
    found = run(plan("write", PAGES, 1, io_limit_bytes=1 << 30))
    assert found.outcome == "unavailable" and "no block device" in (found.message or "")
    monkeypatch.setattr(limit, "devices_of", lambda _: [Device(4095, 4095)])
    found = run(plan("write", PAGES, 1, io_limit_bytes=1 << 30))
    assert found.outcome == "unavailable" and "cannot be limited" in (found.message or "")
    for _, directory in cgroup.own_directories("blkio"):
        assert not list(directory.glob(f"{limit.PREFIX}*"))


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_one_group_alone() -> None:
    """By its number; a number that is not there is an error that says how many there are."""
    found = run(plan("anonymous", PAGES, only_group=1))
    assert [each.kind for each in found.chosen] == ["anonymous private"]
    found = run(plan("anonymous", PAGES, only_group=99))
    assert found.outcome == "error" and "there is no mapping 99" in (found.message or "")


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
@pytest.mark.parametrize(
    ("words", "outcome", "said"),
    [
        (("trace",), "error", "traces programs itself"),
        (("killed",), "error", "SIGKILL ended it"),
    ],
)
def test_programs_that_cannot_be_tried(words: tuple[str, ...], outcome: str, said: str) -> None:
    """In a sentence."""
    found = run(plan(*words))
    assert found.outcome == outcome
    assert said in (found.message or "")


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_what_has_to_be_known_of_a_program() -> None:
    """An exit status of its own, calls that it filters, a process that it left."""
    for words, said in (
        (("fail",), "exit status is 9"),
        (("filter", PAGES), "filters its own"),
        (("daemon",), "still ran"),
    ):
        found = run(plan(*words, candidates=("POPULATE_WRITE",)))
        assert found.outcome == "ok", found.message
        assert any(said in each for each in found.notes)


def test_setuid_programs_are_refused(tmp_path: Path) -> None:
    """They would run without their owner's privilege; nothing is begun."""
    path = tmp_path / "mine"
    shutil.copy("/bin/true", path)
    assert why_not(str(path)) is None
    os.chmod(path, 0o4755)
    missing = why_not(str(path))
    assert missing and "setuid" in missing.reason
    found = run(Plan((str(path),)))
    assert (found.outcome, found.rows) == ("unavailable", ())


def test_why_a_candidate_has_no_sense() -> None:
    """By the kind, the access and the habits of what was chosen."""
    by = {
        "WILLNEED": "file private",
        "drop MAP_POPULATE": "MAP_POPULATE",
        "drop its advice": "no advice",
    }
    for name, said in by.items():
        assert said in (why_not_candidate(CANDIDATES[name], [ARRAY], "mmap") or "")
    write = CANDIDATES["POPULATE_WRITE"]
    assert why_not_candidate(write, [ARRAY], "mmap") is None
    assert "mapped w" in (why_not_candidate(write, [FILE], "mmap") or "")
    assert "writable later" in (why_not_candidate(write, [ARRAY], "writable") or "")
    assert "gives no advice" in (why_not_candidate(write, [ARRAY], "advice") or "")
    assert why_not_candidate(write, [replace(ARRAY, advice=("MADV_COLD",))], "advice") is None


def test_rules_are_for_the_chosen_alone() -> None:
    """Nothing chosen, nothing given; what leaves advice out acts from the beginning."""
    write, drop = CANDIDATES["POPULATE_WRITE"], CANDIDATES["drop its advice"]
    assert rules_of(write, CHOICE, []) == []
    late = replace(CHOICE, moment="advice")
    assert [each.moment for each in rules_of(write, late, [ARRAY])] == ["advice"]
    assert [each.moment for each in rules_of(drop, late, [ARRAY])] == ["mmap"]

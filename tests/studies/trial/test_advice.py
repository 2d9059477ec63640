"""prefault_kit.studies.trial.advice: what is recommended, and what is luck."""

from dataclasses import replace

import pytest

from prefault_kit.studies.trial import NO_DIFFERENCE, recommend
from prefault_kit.studies.trial.advice import Unused, compared, helping, unused, words
from prefault_kit.studies.trial.result import Again, Resident, Seen
from tests.studies.trial.made import FAST, PLAIN, SLOW, row, runs, trial

BEST = row("POPULATE_WRITE", *FAST)


def test_what_keeps_its_promise_is_recommended() -> None:
    """By the runs after the choice, which say how much."""
    again = Again("POPULATE_WRITE", runs(FAST, peak_bytes=3 << 20), runs(SLOW))
    found = recommend(trial(*PLAIN, BEST, row("HUGEPAGE", *FAST), again=[again]))
    assert found and found.name == "POPULATE_WRITE" and found.gain
    assert found.gain.ratio == pytest.approx(2)
    assert found.equals == ("HUGEPAGE",)
    assert found.extra_peak_bytes == 2 << 20


def test_what_was_luck_is_not() -> None:
    """The next one may still be."""
    luck = Again("POPULATE_WRITE", runs(SLOW), runs(SLOW))
    found = recommend(trial(*PLAIN, BEST, again=[luck]))
    assert found and (found.name, found.gain, found.doubtful) == (
        NO_DIFFERENCE, None, ("POPULATE_WRITE",),
    )  # fmt: skip
    true = Again("HUGEPAGE", runs(FAST), runs(SLOW))
    found = recommend(trial(*PLAIN, BEST, row("HUGEPAGE", *FAST), again=[luck, true]))
    assert found and (found.name, found.doubtful) == ("HUGEPAGE", ("POPULATE_WRITE",))


def test_noise_is_called_noise() -> None:
    """A difference whose interval has 1 in it, and one too small to notice."""
    noisy = row("WILLNEED", 60.0, 140.0, 80.0, 120.0, 100.0)
    small = row("RANDOM", *(each * 0.97 for each in SLOW))
    found = trial(*PLAIN, noisy, small)
    assert helping(found) == []
    assert words(compared(found, noisy)) == words(compared(found, small)) == NO_DIFFERENCE
    slower = row("COLLAPSE", *(each * 2 for each in SLOW))
    assert words(compared(trial(*PLAIN, slower), slower)) == "slower"


def test_advice_is_held_against_the_traced_program() -> None:
    """And a variant, which is not traced, against the program as it is."""
    plain = (row("nothing", *SLOW), row("traced", *(2 * each for each in SLOW)))
    candidate, variant = row("HUGEPAGE", *SLOW), row("flag", *SLOW)
    found = trial(*plain, candidate, variant)
    ratios = [compared(found, each) for each in (candidate, variant)]
    assert [each and round(each.ratio, 3) for each in ratios] == [0.5, 1]


def test_advice_that_failed_is_not_praised() -> None:
    """What its runs gained is luck, or another's."""
    failed = row("MLOCK_ONFAULT", *FAST, advised=5, errors={"MLOCK_ONFAULT: ENOMEM": 4})
    assert helping(trial(*PLAIN, failed)) == []
    partly = row("MLOCK_ONFAULT", *FAST, advised=5, errors={"MLOCK_ONFAULT: ENOMEM": 1})
    assert helping(trial(*PLAIN, partly)) == [partly]


def test_few_runs_say_nothing() -> None:
    """However much they differ."""
    few = trial(row("traced", *SLOW[:3]), row("HUGEPAGE", *FAST[:3]))
    assert helping(few) == []


def test_without_a_figure_nothing_is_compared() -> None:
    """A time until ready that some runs do not have."""
    found = trial(*PLAIN, BEST, measure="ready_ms")
    assert compared(found, BEST) is None
    assert recommend(trial()) is None


def test_what_was_brought_and_not_touched() -> None:
    """Of the mappings that the advice is for, against the program without it."""
    without = Seen((Resident(3 << 20, 2), Resident(1 << 20, 1)))
    brought = Seen((Resident(12 << 20, 2), Resident(9 << 20, 1)))
    traced = replace(PLAIN[1], seen=without)
    found = unused(trial(PLAIN[0], traced), replace(BEST, seen=brought))
    assert found == Unused(12 << 20, 9 << 20)  # the file may not be written
    assert found and found.part == 0.75


def test_what_was_not_seen_is_not_known() -> None:
    """Neither run, or one that looked at other mappings; a variant has no advice."""
    seen = Seen((Resident(1 << 20, 2), None))
    traced = replace(PLAIN[1], seen=seen)
    both = trial(PLAIN[0], traced)
    assert unused(trial(*PLAIN), replace(BEST, seen=seen)) is None
    assert unused(both, BEST) is None
    assert unused(both, replace(BEST, seen=Seen((Resident(1 << 20, 1), None)))) is None
    assert unused(both, replace(BEST, seen=Seen((None, None)))) is None
    assert unused(both, replace(row("flag", *FAST), seen=seen)) is None

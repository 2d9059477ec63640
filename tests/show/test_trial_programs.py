"""prefault_kit.show.trial_programs: programs side by side, and whether it came true."""

import pytest

from prefault_kit.show import trial_programs
from prefault_kit.studies.trial import Trial
from prefault_kit.studies.trial.programs import BY_HAND
from prefault_kit.studies.trial.result import Again
from tests.studies.trial.made import FAST, PLAIN, SLOW, row, runs, trial

BETTER = trial(*PLAIN, row("HUGEPAGE", *FAST), again=[Again("HUGEPAGE", runs(FAST), runs(SLOW))])
TRUE = trial(*PLAIN, row("HUGEPAGE", *FAST), row(BY_HAND, *FAST))
FALSE = trial(*PLAIN, row("HUGEPAGE", *FAST), row(BY_HAND, *SLOW))
LESS = trial(*PLAIN, row("HUGEPAGE", *FAST), row(BY_HAND, 80.0, 81.0, 79.0, 80.0, 82.0))


def test_a_line_for_each_program() -> None:
    """With what helps; where nothing does, no figure."""
    table = trial_programs.overview({"redis": (BETTER, TRUE), "git": (trial(*PLAIN), None)})
    first, second = table.rows
    assert first[:4] == ("Redis loads a dump of 600,000 keys", "wall time", "100 ms", "HUGEPAGE")
    assert first[4].startswith("0.50 (0.4")
    assert second[3:] == ("nothing", "")


@pytest.mark.parametrize(("again", "true"), [(TRUE, True), (FALSE, False), (LESS, False)])
def test_it_came_true(again: Trial, true: bool) -> None:
    """Where it is faster by hand too, by as much."""
    assert trial_programs.came_true(again) is true
    table = trial_programs.by_hand({"redis": (BETTER, again), "git": (trial(*PLAIN), None)})
    (line,) = table.rows
    assert line[1] == "HUGEPAGE"
    assert line[-1] == ("yes" if true else "NO")

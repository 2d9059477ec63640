"""prefault_kit.studies.trial.result: the record of a trial."""

import json

import pytest

from prefault_kit.studies.trial.result import longest
from tests.studies.trial.made import ARRAY, FILE, PLAIN, row, trial


def test_medians() -> None:
    """None where one run lacks the figure."""
    assert row("a", 3.0, 1.0, 2.0).median("wall_ms") == 2
    assert row("a", 3.0).median("ready_ms") is None
    assert row("a").median("wall_ms") is None


def test_counts_are_the_most_of_a_run() -> None:
    """Not their sum."""
    assert row("a", 1.0, 2.0, errors={"X: EINVAL": 3}).counts("errors") == {"X: EINVAL": 3}


def test_the_record_is_json() -> None:
    """With its version, and rows by name."""
    found = trial(*PLAIN)
    assert json.loads(json.dumps(found.as_dict()))["schema"] == "prefault-kit/trial-1"
    assert found.row("traced").name == "traced"
    with pytest.raises(KeyError):
        found.row("other")
    assert longest([FILE, ARRAY]) is ARRAY
    assert longest([]) is None

"""prefault_kit.measure.experiment: one cell, in words that make sense."""

import json

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.experiment import Experiment
from prefault_kit.memory.backing import Backing

PAGES = 512
SIZE = PAGES * PAGE


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"sharing": "both"}, "private or shared"),
        ({"method": "POPULATE"}, "did you mean"),
        ({"method": "FALLOCATE"}, "needs a file"),
        ({"size_bytes": 0}, "at least one page"),
        ({"size_bytes": PAGE + 1}, "would round up"),
        ({"start": "warm"}, "empty, cached, cold"),
        ({"start": "cached"}, "no page cache"),
        ({"start": "cold"}, "backing file"),
        ({"repeats": 0}, "repeats is a whole number from 1"),
        ({"threads": True}, "threads is a whole number from 1"),
        ({"repeats": 10**21}, "repeats is a whole number from 1 to 10000"),
        ({"threads": 10**12}, "threads is a whole number from 1 to 1024"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(kwargs: dict[str, object], words: str) -> None:
    """An experiment that makes no sense cannot be made, and the error says what would."""
    known: dict[str, object] = {"sharing": "private", "method": "Read", "size_bytes": SIZE}
    with pytest.raises(ValueError, match=words) as caught:
        Experiment(Backing.anon(), **(known | kwargs))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_experiment_survives_json() -> None:
    """An experiment written as JSON and read again is the same."""
    experiment = Experiment(Backing.file("/tmp"), "shared", "FALLOCATE+Read", SIZE, start="cold")
    assert Experiment.from_dict(json.loads(json.dumps(experiment.as_dict()))) == experiment

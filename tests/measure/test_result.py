"""prefault_kit.measure.result: what a cell gave, as one record."""

import json

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing

SIZE = 512 * PAGE

FIELDS = [
    "backing", "page_size_bytes", "sharing", "method", "size_bytes", "start", "threads", "repeats",
    "outcome", "timings_ms", "best_ms", "median_ms", "errno", "message", "populated_bytes",
    "usage", "pages", "file", "faults", "notes", "host",
]  # fmt: skip


def anon(method: str, **known: object) -> Experiment:
    return Experiment(Backing.anon(), "private", method, SIZE, **known)  # type: ignore[arg-type]


def test_result_has_the_stable_fields() -> None:
    """`run --json` has every field that design promises, and survives JSON."""
    result = run(anon("POPULATE_READ", repeats=2))
    data = json.loads(json.dumps(result.as_dict()))
    assert set(FIELDS) <= set(data)
    assert Result.from_dict(data) == result


def test_a_result_is_of_its_experiment() -> None:
    """Its words are the experiment's, the host is this one; what is not known is empty."""
    cell = anon("Read", repeats=3, threads=2)
    result = Result.of(cell, "unavailable", message="no room", command="make room")
    assert (result.backing, result.page_size_bytes, result.sharing) == ("anon", PAGE, "private")
    assert (result.method, result.size_bytes, result.start) == ("Read", SIZE, "empty")
    assert (result.threads, result.repeats, result.outcome) == (2, 3, "unavailable")
    assert (result.message, result.command) == ("no room", "make room")
    assert (result.timings_ms, result.best_ms, result.usage, result.notes) == ([], None, None, [])
    assert result.host["kernel"]


def test_result_of_another_kit_is_refused() -> None:
    """JSON that is no result is a ValueError that says why."""
    with pytest.raises(ValueError, match="not a result of this kit: it has colour"):
        Result.from_dict({"colour": "blue"})
    with pytest.raises(ValueError, match="not a result of this kit"):
        Result.from_dict({"backing": "anon"})

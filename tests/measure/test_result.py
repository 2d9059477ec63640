"""prefault_kit.measure.result: what a cell gave, as one record."""

import itertools
import json
import math
from typing import Any

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


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """A real result as JSON, with every view and phase."""
    cell = Experiment(Backing.memfd(), "shared", "Write", SIZE, repeats=2, follow_up=True)
    return dict(json.loads(json.dumps(run(cell).as_dict())))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(("backing", "sharing", "method", "start", "outcome"), ("x", None, 3)),
        *itertools.product(
            ("size_bytes", "page_size_bytes", "threads", "repeats"),
            (None, -1, 0, 1.5, True, "1", 1 << 63),
        ),
        *itertools.product(
            ("warmup_ms", "best_ms", "median_ms"), (math.nan, math.inf, -0.5, True, "x", 10**400)
        ),
        *itertools.product(("timings_ms",), (["x"], [math.nan], [-5], [None], None, 3, "1 2")),
        *itertools.product(("errno", "message", "command", "file_system"), (3, ["x"])),
        *itertools.product(("populated_bytes",), (-1, 1.5, "x")),
        *itertools.product(("usage", "pages", "file"), ({}, [], {"rss": 1}, 3)),
        *itertools.product(("notes",), ("x", [3], None)),
        *itertools.product(("phases",), ([{}], [3], None)),
        *itertools.product(("host",), ([], None, "x")),
    ],
)
def test_a_field_of_another_type_is_refused(
    written: dict[str, Any], name: str, value: object
) -> None:
    """By its name and value, in one short sentence."""
    with pytest.raises(ValueError, match=f"not a result of this kit: {name} is ") as caught:
        Result.from_dict(written | {name: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"page_size_bytes": 3}, "page_size_bytes is 3, no power of two"),
        ({"size_bytes": SIZE + 1}, f"size_bytes is {SIZE + 1}, no multiple of {PAGE}"),
    ],
)
def test_sizes_that_no_memory_has_are_refused(
    written: dict[str, Any], spoilt: dict[str, int], words: str
) -> None:
    """A size is a multiple of the page size, and that a power of two."""
    with pytest.raises(ValueError, match=f"not a result of this kit: {words}"):
        Result.from_dict(written | spoilt)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"best_ms": 1e9}, "best_ms is 1000000000.0, but that of timings_ms is 0.7"),
        ({"best_ms": None}, "best_ms is None, but that of timings_ms is 0.7"),
        ({"median_ms": 0.9}, "median_ms is 0.9, but that of timings_ms is 0.8"),
        ({"median_ms": None}, "median_ms is None"),
        ({"timings_ms": []}, "outcome is ok without timings_ms"),
        ({"timings_ms": [], "outcome": "error"}, "best_ms is 0.7, but that of timings_ms is None"),
    ],
)
def test_times_that_contradict_each_other(spoilt: dict[str, Any], words: str) -> None:
    """Each may be by itself, but not together; a sentence says which."""
    times = {"timings_ms": [0.7, 0.9], "best_ms": 0.7, "median_ms": 0.8}
    with pytest.raises(ValueError, match=words):
        Result.of(anon("Read"), **({"outcome": "ok"} | times | spoilt)).check_times()


def test_times_that_agree(written: dict[str, Any]) -> None:
    """Of a real run, of a cell without any, and with a median rounded to the nanosecond."""
    Result.from_dict(written).check_times()
    Result.of(anon("Read"), "unavailable").check_times()
    times = [0.5, 0.500001]
    Result.of(anon("Read"), "ok", timings_ms=times, best_ms=0.5, median_ms=0.5).check_times()


@pytest.mark.parametrize("view", ["usage", "pages", "file", "faults"])
@pytest.mark.parametrize("value", [-1, 0.5, "x", True, 1 << 63])
def test_a_view_has_counts(written: dict[str, Any], view: str, value: object) -> None:
    """Whole numbers from 0; None only of what a kernel may lack."""
    for name in written[view]:
        spoilt = written | {view: written[view] | {name: value}}
        with pytest.raises(ValueError, match=f"{view} is "):
            Result.from_dict(spoilt)
        unknown = written | {view: written[view] | {name: None}}
        if view == "faults":
            with pytest.raises(ValueError, match="faults is "):
                Result.from_dict(unknown)
        else:
            assert Result.from_dict(unknown)


@pytest.mark.parametrize(
    ("name", "value"), [("phase", 3), ("minor_faults", -1), ("minor_faults", None), ("dirty", "x")]
)
def test_a_phase_has_counts(written: dict[str, Any], name: str, value: object) -> None:
    """Its name, its faults, and the file's pages if there is a file."""
    assert len(written["phases"]) == 3
    first, *rest = written["phases"]
    with pytest.raises(ValueError, match="phases is "):
        Result.from_dict(written | {"phases": [first | {name: value}, *rest]})


def test_a_field_that_is_missing_is_named(written: dict[str, Any]) -> None:
    """Those that every result has; the others are empty."""
    for name in written:
        left = {each: value for each, value in written.items() if each != name}
        if name in FIELDS[:9]:
            with pytest.raises(ValueError, match=f"{name} is missing"):
                Result.from_dict(left)
        else:
            assert Result.from_dict(left)

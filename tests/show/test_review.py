"""prefault_kit.show.review: a review in words and figures."""

from dataclasses import replace

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import review as told
from prefault_kit.studies.review import CandidateResult, Weights, recommend
from tests.studies.review.made import candidate, review, trial

STEADY = (10.0, 10.1, 10.0, 9.9, 10.0)


def slower(factor: float) -> tuple[float, ...]:
    return tuple(ms * factor for ms in STEADY)


def reason(*candidates: CandidateResult) -> str:
    """Why the recommended one is."""
    made = review(*candidates)
    found = recommend(made)
    assert found is not None
    return told.reason(made, found, Weights())


def test_the_reason_has_the_others_costs() -> None:
    """A tenth more costs the next one."""
    said = reason(
        candidate("POPULATE_WRITE", *slower(1.1)),
        candidate("POPULATE_READ", *STEADY, minor_faults=500),
    )
    assert said.startswith("POPULATE_READ costs 10.0 ms: 0.000 ms to start, 10.0 ms of access")
    assert "POPULATE_WRITE costs 1.10 times as much (" in said


def test_equal_costs_are_told_apart_by_what_they_leave() -> None:
    """With the figures of each to choose by, and of no other."""
    said = reason(
        candidate("POPULATE_READ", *STEADY, minor_faults=500),
        candidate("POPULATE_WRITE", *slower(1.01), bytes_written_back=1000 * PAGE),
        candidate("nothing", *slower(3)),
    )
    assert said.startswith("2 methods cost the same within noise")
    assert f"{format_bytes(1000 * PAGE)} written back" in said
    assert "nothing: " not in said


def test_the_answer_says_where_the_two_cross() -> None:
    """The name, why, and the written fraction, where fractions were tried."""
    fast = candidate("POPULATE_READ", *STEADY)
    sweep = {
        (name, fraction): tuple(trial(access_ms=ms + extra) for extra in (0.0, 0.1, 0.2))
        for name, costs in (("POPULATE_READ", (10, 20)), ("POPULATE_WRITE", (14, 14)))
        for fraction, ms in zip((0.0, 1.0), costs, strict=True)
    }
    first, why, cross = told.answer(review(fast, sweep=sweep))
    assert first == "POPULATE_READ"
    assert why.endswith(".")
    assert cross.startswith(
        "POPULATE_WRITE costs no more than POPULATE_READ if at least 40% of the"
    )
    assert told.answer(review(fast)) == [first, why]
    never = {key: sweep["POPULATE_READ", 0.0] for key in sweep if key[0] == "POPULATE_READ"}
    never |= {key: sweep["POPULATE_READ", 1.0] for key in sweep if key[0] == "POPULATE_WRITE"}
    assert "at every written fraction" in told.answer(review(fast, sweep=never))[-1]


def test_what_did_not_run_has_its_message() -> None:
    """In place of an answer."""
    assert told.answer(replace(review(), message="there is no room")) == ["there is no room"]


def test_large_folios_are_explained() -> None:
    """Where much more is written back than was dirtied, though nothing prefaulted WRITE."""
    each = {"bytes_dirtied_by_program": PAGE, "bytes_written_back": 5 * PAGE}
    said = told.answer(review(candidate("nothing", *STEADY, **each)))
    assert "Even without POPULATE_WRITE, 5 times as many bytes" in said[-1]
    few = each | {"bytes_written_back": PAGE}
    assert not any(
        "folio" in line for line in told.answer(review(candidate("nothing", *STEADY, **few)))
    )


def test_a_row_a_candidate_that_ran() -> None:
    """Cheapest first, a cell a column; what has no figure is empty."""
    made = review(
        candidate("nothing", *slower(2), bytes_written_back=None, dirty_pages_after_prefault=None),
        candidate("POPULATE_READ", *STEADY, sync_ms=1.0),
    )
    rows = told.rows(made, Weights())
    assert [row[0] for row in rows] == ["POPULATE_READ", "nothing"]
    assert {len(row) for row in rows} == {len(told.COLUMNS)}
    last = told.cells(made.candidates[0], Weights())
    assert (last["sync"], last["dirty pages"], last["written back"]) == ("", "", "")
    assert set(told.SHORT) < set(told.COLUMNS)


def test_the_command_has_weights_that_are_not_the_usual() -> None:
    """And no others."""
    made = review()
    assert told.command(made) == told.command(made, Weights()) == made.command
    assert told.command(made, Weights(tail=2)).startswith(f"{made.command} --weights ")
    asked = dict(told.inputs(made, Weights(tail=2)))
    assert asked[told.COMMAND] == told.command(made, Weights(tail=2))
    assert asked["Accesses"] == "100% of the pages read, 0% written"
    assert told.title(made).startswith("READ or WRITE: shared Memfd")


def test_the_json_object_has_the_names_that_scripts_rely_on() -> None:
    """One candidate, the recommendation, the crossing, the command."""
    found = told.as_dict(review(candidate("nothing", *STEADY)))
    assert {"candidates", "recommendation", "crossover_written_fraction", "host"} <= set(found)
    assert {"name", "reason", "margin"} <= set(found["recommendation"])
    assert set(found["candidates"][0]) >= {
        "name",
        "prefault_ms",
        "access_ms",
        "sync_ms",
        "first_touch_us",
        "minor_faults",
        "dirty_pages_after_prefault",
        "bytes_dirtied_by_program",
        "bytes_written_back",
        "write_amplification",
    }
    assert set(found["candidates"][0]["first_touch_us"]) == {"p50", "p99", "p999", "max"}

"""What came of a guarded program, in lines and as annotations."""

from dataclasses import replace

import pytest

from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.symbols import Place
from prefault_kit.measure.culprits import Culprit
from prefault_kit.show import guard
from prefault_kit.studies.guard import Budget, Outcome


def culprit(tid: int, minor: int, major: int) -> Culprit:
    """Faults of a thread."""
    region = Region(0x1000, 0x1000, "rw-p")
    place = Place(7, "/bin/x", 7, executable=True)
    return Culprit(1, tid, "work", minor, major, 1, 0x1000, region, False, place, (), "advice")


KEPT = Outcome(Budget(0, 10), True, 1.0, 3, 0, 0, False, True, 0, (culprit(1, 3, 0),))
OVER = replace(KEPT, minor=33, major=2, unseen=4, culprits=(culprit(1, 0, 2), culprit(2, 29, 0)))


def test_a_kept_budget() -> None:
    """Its counts, and nobody to blame; nothing to annotate."""
    assert guard.lines(KEPT) == [
        "kept: major faults: 0, allowed 0",
        "kept: minor faults: 3, allowed 10",
        "the program ended with status 0; faults counted for 1 s",
    ]
    assert guard.on_github(KEPT) == []


def test_an_exceeded_one() -> None:
    """Who it was, worst first, and how many were not looked at."""
    text = "\n".join(guard.lines(OVER))
    assert "EXCEEDED: major faults: 2, allowed 0" in text
    assert text.index("by thread 1 (work)") < text.index("by thread 2 (work)")
    assert "(4 of the faults were counted and not looked at)" in text
    major, minor = guard.on_github(OVER)
    assert major.startswith("::error title=page faults%3A major faults%3A 2%2C allowed 0::2 major")
    assert "thread 2" not in major
    assert "thread 1" not in minor
    assert "\n" not in major
    places = [each.place for each in OVER.culprits]
    at = guard.on_github(OVER, lambda frames: ("a.c", frames[0][1]))
    assert all(each.startswith(f"::error file=a.c,line={places[0].offset},title=") for each in at)


@pytest.mark.parametrize("number", [1, 5, 6])
def test_no_more_than_a_few(number: int) -> None:
    """The others are counted."""
    many = replace(OVER, unseen=0, culprits=tuple(culprit(at, 1, 0) for at in range(number)))
    more = [line for line in guard.culprits(many) if line.startswith("and ")]
    assert more == ([f"and {number - 5} more"] if number > 5 else [])


def test_what_else_went_wrong() -> None:
    """Never ready, or failed: told in lines and as annotations."""
    never = replace(KEPT, ready=False, status=-15)
    assert guard.NEVER_READY in guard.lines(never)
    assert "killed by SIGTERM" in "".join(guard.lines(never))
    assert len(guard.on_github(never)) == 2
    assert "perf_event_paranoid=1" in "".join(guard.lines(replace(KEPT, kernel_included=False)))


def test_a_summary() -> None:
    """Who and whether; then all lines as they are, whatever is in a name."""
    lines = guard.summary(KEPT, "a`b").splitlines()
    assert lines[0] == "### prefault-kit guard: ``a`b`` passed"
    assert lines[2:] == [f"    {line}" for line in guard.lines(KEPT)]
    assert guard.summary(OVER, "x").startswith("### prefault-kit guard: `x` did not pass")

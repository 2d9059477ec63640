"""prefault_kit.screens.job: how far a job is, in words."""

from dataclasses import dataclass

import pytest

from prefault_kit.screens.job import Job


@dataclass(frozen=True)
class Part:
    """Progress: a part of the job is done."""

    part: float


class Counting(Job[Part]):
    """A job that is never started."""

    def activity(self) -> str:
        return "Counting"


@pytest.mark.parametrize(
    ("elapsed_s", "part", "status"),
    [
        (0, 0.25, "Counting."),
        (1.2, 0.25, "Counting, 1 s so far."),
        (3, 0.25, "Counting, 3 s so far, about 9 s left."),
        (3, 0.999, "Counting, 3 s so far, about 1 s left."),
        (3, 0.0, "Counting, 3 s so far."),
        (3, 1.0, "Counting, 3 s so far."),
    ],
)
def test_the_time_left_is_estimated_late(elapsed_s: float, part: float, status: str) -> None:
    """Not in the first seconds; then from the part that is done."""
    job = Counting()
    job.record(Part(part))
    job.began_s -= elapsed_s
    assert job.fraction == part
    assert job.status() == status


def test_nothing_is_done_before_the_first_report() -> None:
    """The part is 0, and no time left is estimated."""
    job = Counting()
    job.began_s -= 3
    assert job.fraction == 0
    assert job.status() == "Counting, 3 s so far."

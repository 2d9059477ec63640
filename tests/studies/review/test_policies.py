"""prefault_kit.studies.review.policies: what one flag would choose, and what that costs."""

from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Review, Weights, Workload, policies
from prefault_kit.studies.review.candidates import DETOUR
from prefault_kit.studies.review.policies import COMPARED, COUNTS, POLICIES, READ, WRITE
from tests.studies.review.made import candidate, review

PAGES = 256


@pytest.mark.parametrize(
    ("sharing", "chosen"),
    [("private", (WRITE, WRITE, DETOUR.name)), ("shared", (WRITE, READ, DETOUR.name))],
)
def test_what_each_policy_chooses(sharing: str, chosen: tuple[str, ...]) -> None:
    """By permissions always WRITE; MAP_POPULATE's way by the sharing."""
    case = Workload(Backing.memfd(), sharing=sharing, size_bytes=PAGE)
    assert tuple(each.choose(case) for each in POLICIES) == chosen


def test_what_is_left_is_counted(tmp_path: Path) -> None:
    """A file: WRITE dirties all of it; anonymous memory: READ takes none."""
    other = {"size_bytes": PAGES * PAGE, "write": 0.25, "repeats": 2}
    file = policies.compare(Workload(Backing.file(tmp_path), content="small-chunks", **other))
    anon = policies.compare(Workload(Backing.anon(), sharing="private", **other))

    def counts(review: Review, what: str) -> list[int | None]:
        return [COUNTS[what](review.candidate(each)) for each in COMPARED]

    assert counts(file, "dirty pages") == [0, PAGES, 0]
    assert counts(file, "faults to come") == [PAGES // 4, 0, PAGES // 4]
    assert counts(anon, "pages of memory") == [0, PAGES, 0]
    assert not any(counts(anon, "dirty pages"))


def test_the_detour_ends_writable(tmp_path: Path) -> None:
    """And is READ but for its two system calls."""
    case = Workload(Backing.anon(), sharing="private", size_bytes=PAGE, write=1.0, repeats=2)
    found = policies.compare(case).candidates[-1]
    assert (found.name, found.outcome) == (DETOUR.name, "ok")
    assert found.median("pages_after_prefault") == 1


def test_the_loss_is_against_the_better_one() -> None:
    """By the weights of the case."""
    made = review(
        candidate(READ, 5.0, 5.0, prefault_ms=1.0),
        candidate(WRITE, 1.0, 1.0, prefault_ms=9.0),
        candidate(DETOUR.name, 5.0, 5.0, prefault_ms=3.0),
    )
    by_permissions, _, detour = POLICIES
    assert policies.better(made, Weights()).name == READ
    assert policies.loss(made, by_permissions, Weights()).ratio == pytest.approx(10 / 6)
    assert policies.better(made, Weights(startup=0)).name == WRITE
    assert policies.loss(made, detour, Weights(startup=0)).ratio == pytest.approx(5)

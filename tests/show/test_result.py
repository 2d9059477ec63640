"""prefault_kit.screens.explorer.words: what a run did, in sentences with numbers."""

from typing import Any

import pytest

from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import words

PAGE = Backing.anon().page_size_bytes
SIZE = 512 * PAGE


def result(**known: Any) -> Result:
    """A result of 512 anonymous pages at 3 MiB or so, which the published table has not."""
    values: dict[str, Any] = {
        "backing": "anon",
        "page_size_bytes": PAGE,
        "sharing": "private",
        "method": "Read",
        "size_bytes": SIZE,
        "start": "empty",
        "threads": 1,
        "repeats": 3,
        "outcome": "ok",
        "timings_ms": [1.5, 1.0, 2.0],
        "best_ms": 1.0,
        "median_ms": 1.5,
        "pages": {"present": 512, "zero": 0, "huge": 0, "swapped": 0},
        "usage": {"private_dirty": SIZE, "anonymous": SIZE},
        "faults": {"minor": 512, "major": 0},
    }
    return Result(**(values | known))


def test_a_good_run_in_words() -> None:
    """Time, residency, faults: each with its number."""
    text = words.describe(result())
    assert "best 1.00 ms, median 1.50 ms of 3" in text
    assert "All 512 pages are present" in text
    assert "anonymous" in text
    assert "512 minor and 0 major faults" in text


@pytest.mark.parametrize(
    ("present", "zero", "sentence"),
    [
        (512, 512, "every one the shared zero page: no memory is used yet."),
        (0, 0, "None of the 512 pages is present."),
        (7, 0, "7 of 512 pages are present"),
    ],
)
def test_residency_in_words(present: int, zero: int, sentence: str) -> None:
    """The zero page is no memory, and nothing is said to be nothing."""
    pages = {"present": present, "zero": zero, "huge": 0, "swapped": 0}
    assert sentence in words.describe(result(pages=pages))


def test_a_failed_run_names_errno_and_prefix() -> None:
    """The errno is the lesson."""
    text = words.describe(
        result(outcome="error", errno="EFAULT", message="no space", populated_bytes=PAGE)
    )
    assert "failed with EFAULT after" in text
    assert text.endswith("No space.")


def test_an_unavailable_run_gives_the_reason() -> None:
    """Nothing ran, and the reason is a sentence."""
    text = words.describe(result(outcome="unavailable", message="no huge pages are free"))
    assert "not possible here. No huge pages are free." in text


@pytest.mark.parametrize(
    ("taken", "dirty", "sentence"),
    [
        (0, None, "took no further fault."),
        (1, None, "took 1 more fault."),
        (512, None, "took 512 more faults."),
        (512, (0, 512, 0), "dirty pages of the file after the method, that write and a sync: "
         "0, 512, 0."),
    ],
)  # fmt: skip
def test_what_a_later_write_costs(
    taken: int, dirty: tuple[int, int, int] | None, sentence: str
) -> None:
    """The follow-up's faults and dirty pages are told."""
    phases = [
        {"phase": name, "minor_faults": taken, "dirty": dirty and dirty[index]}
        for index, name in enumerate(("method", "write", "sync"))
    ]
    assert sentence in words.describe(result(phases=phases))

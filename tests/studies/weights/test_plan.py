"""prefault_kit.studies.weights.plan: what is asked for is checked where it enters."""

from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.weights.plan import Plan


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"size_bytes": PAGE + 1}, "size_bytes is a multiple of the page size"),
        ({"size_bytes": 0}, "size_bytes is a whole number from"),
        ({"size_bytes": 1 << 50}, "size_bytes is a whole number from"),
        ({"tensors": 0}, "tensors is a whole number from 1"),
        ({"used": 0}, "used is a part of the tensors, above 0"),
        ({"used": 1.5}, "used is a part of the tensors"),
        ({"used": "all"}, "used is a part of the tensors"),
        ({"used": float("nan")}, "used is a part of the tensors"),
        ({"start": "hot"}, "start is cold or warm"),
        ({"limit_bytes": 1}, "limit_bytes is a whole number from"),
        ({"wait_us": -1}, "wait_us is a whole number from 0"),
        ({"wait_us": 10_000_000}, "wait_us is a whole number from 0"),
        ({"depth": 1000}, "depth is a whole number from 1"),
        ({"window_bytes": PAGE - 1}, "window_bytes is a whole number from"),
        ({"threads": 0}, "threads is a whole number from 1"),
        ({"path": "/nowhere/at/all"}, "not a regular file"),
        ({"path": "/dev/zero"}, "not a regular file"),
        ({"path": "/etc/passwd", "wait_us": 1}, "slow storage is a file of zeros"),
    ],
    ids=str,
)
def test_what_is_refused(fields: dict[str, object], sentence: str) -> None:
    """In one sentence with the limit."""
    with pytest.raises(ValueError, match=sentence):
        Plan(**fields)


def test_the_situation_in_words() -> None:
    """What differs from the usual is named."""
    assert Plan().situation == "cold"
    plan = Plan(start="warm", limit_bytes=8 << 20, wait_us=500, used=0.25)
    assert plan.situation == "warm, 8 MiB of memory, 500 us a read, 25% used"


def test_who_shares_a_file(tmp_path: Path) -> None:
    """Plans that differ in use alone do; another size, storage or directory is another file."""
    assert Plan(used=0.5, limit_bytes=1 << 30, start="warm").file == Plan().file
    for other in (Plan(size_bytes=8 << 20), Plan(wait_us=1), Plan(directory=str(tmp_path))):
        assert other.file != Plan().file

"""prefault_kit.studies.playground.ground: which memory, which step; nonsense is refused."""

from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.playground import Ground, Step


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"kind": "disk"}, "kind is one of anon, memfd"),
        ({"sharing": "mine"}, "sharing is one of private, shared"),
        ({"pages": 0}, "pages is a whole number from 1 to 4096"),
        ({"pages": True}, "pages is a whole number"),
        ({"thp": 1}, "thp is true or false"),
        ({"content": "data"}, "anonymous memory has no file"),
        ({"kind": "memfd", "content": "more"}, "content is one of empty, data"),
    ],
    ids=str,
)
def test_nonsense_is_one_sentence(values: dict[str, Any], why: str) -> None:
    """With what is possible."""
    with pytest.raises(ValueError, match=why):
        Ground(**values)


def test_what_is_saved_is_read_again() -> None:
    """Ground and step, by their names."""
    ground, step = Ground("memfd", "shared", 8), Step("write", 1, 2, "child")
    assert Ground.of(ground.as_dict()) == ground
    assert Step.of(step.as_dict()) == step
    assert step.range_bytes == (PAGE, 2 * PAGE)

"""prefault_kit.studies.playground.operations: each has its line of Python and of C."""

import pytest

from prefault_kit.studies.playground import OPERATIONS, Ground, Step
from prefault_kit.studies.playground.operations import GROUPS, NO_FILE, check


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_is_complete(name: str) -> None:
    """A group, a tip without a full stop, a line of each language."""
    each = OPERATIONS[name]
    assert each.name == name
    assert each.group in GROUPS
    assert each.tip
    assert not each.tip.endswith(".")
    assert each.python
    assert each.c
    compile(f"lambda m, offset, length: {each.python}", name, "eval")


def test_a_file_s_operations_need_one() -> None:
    """The others are for any memory."""
    lacking = {
        name for name, each in OPERATIONS.items() if each.why_not(Ground(pages=8)) is NO_FILE
    }
    assert lacking == {name for name, each in OPERATIONS.items() if each.group == "File"}


def test_a_step_is_checked_against_its_ground() -> None:
    """The last page may be chosen, the next may not."""
    ground = Ground(pages=8)
    check(Step("read", 7), ground)
    with pytest.raises(ValueError, match="pages 7 to 8 are not within the 8 pages"):
        check(Step("read", 7, 2), ground)

"""docs/reference/errors.md: what is populated where a gap between mappings is met."""

import errno

import pytest

from prefault_kit.kernel import pagemap, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

BEFORE, BEYOND = 20, 31


@pytest.mark.parametrize("advice", ["MADV_POPULATE_READ", "MADV_POPULATE_WRITE"])
@pytest.mark.parametrize("kind", ["anon", "memfd"])
def test_pages_before_a_gap_and_beyond_it(kind: str, advice: str) -> None:
    """All of those before it; of those beyond it all or none, as error-2021-hole has it."""
    backing, sharing = (
        (Backing.anon(), "private") if kind == "anon" else (Backing.memfd(), "shared")
    )
    with Mapping(backing, (BEFORE + 1 + BEYOND) * PAGE, sharing) as memory:
        gap = memory.address + BEFORE * PAGE
        syscalls.unmap(gap, PAGE)
        with pytest.raises(OSError) as caught:
            syscalls.madvise(*memory.span(), advice)
        assert caught.value.errno == errno.ENOMEM
        assert pagemap.scan(memory.address, BEFORE * PAGE).present == BEFORE
        assert pagemap.scan(gap + PAGE, BEYOND * PAGE).present in (0, BEYOND)

"""A review that the tests of its page and of its charts share."""

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Review, Workload, running


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """A review of a file on disk, its directory with a name that needs care."""
    directory = tmp_path_factory.mktemp("a <b> & c")
    case = Workload(
        Backing.file(directory), size_bytes=256 * PAGE, write=0.25, afterwards="sync", repeats=2
    )
    return running.run(case)

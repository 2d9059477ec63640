"""prefault_kit.notebook.folios: what one page of a file brings along."""

from pathlib import Path

import pytest

from prefault_kit import PAGE_SIZE_BYTES
from prefault_kit.host import features
from prefault_kit.notebook.folios import CHUNKS, one_page


def test_one_page_brings_at_least_itself(tmp_path: Path) -> None:
    """READ maps the page, WRITE dirties it; what else comes along depends on the file system."""
    if features.cachestat_in(str(tmp_path)) is not None:
        pytest.skip("needs cachestat on the file system of temporary files")
    found = list(one_page(512 * PAGE_SIZE_BYTES, str(tmp_path)))
    assert [each.written for each in found] == list(CHUNKS)
    for each in found:
        assert each.mapped.state_bytes[0]
        assert len(each.mapped.state_bytes) == 512
        assert f"mapped {each.mapped.present:3}, dirty {each.dirty:3}" in str(each)
    by_page = found[-1]
    assert by_page.dirty in (0, 1)  # 0 on tmpfs, which writes nothing back
    assert list(tmp_path.iterdir()) == []

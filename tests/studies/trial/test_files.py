"""prefault_kit.studies.trial.files: the files of a program, cold and cached."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.trial import files
from tests.studies.trial.made import ARRAY, FILE


@pytest.mark.needs("cachestat")
def test_cold_and_cached(disk_directory: Path) -> None:
    """What is clean is evicted, and read again; the file stays as it is."""
    path = disk_directory / "data"
    path.write_bytes(b"x" * 64 * PAGE)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        before = path.stat().st_mtime_ns
        assert files.prepare("cold", [str(path)]) == []
        assert page_cache.cachestat(file.fileno()).cached < 64
        cold = files.cached_bytes([str(path)])
        assert files.prepare("cached", [str(path)]) == []
        assert page_cache.cachestat(file.fileno()).cached == 64
        assert cold is not None and cold < 64 * PAGE
        assert files.cached_bytes([str(path), "/no/such"]) == 64 * PAGE
    path_after = path.stat()
    assert path_after.st_mtime_ns == before
    path.unlink()


def test_what_cannot_be_read_is_told() -> None:
    """And nothing is done where nothing is asked."""
    assert files.prepare("cold", ["/no/such"]) == ["/no/such: no such file or directory"]
    assert files.prepare("as-it-is", ["/no/such"]) == []
    (endless,) = files.prepare("cached", ["/dev/zero"])
    assert "no" in endless
    assert files.cached_bytes([]) is None


def test_the_files_of_mappings(tmp_path: Path) -> None:
    """Those that are there, each once."""
    (tmp_path / "here").touch()
    here = replace(FILE, path=str(tmp_path / "here"))
    assert files.mapped([ARRAY, FILE, here, here]) == [str(tmp_path / "here")]
    cut = replace(FILE, path="/" + "x" * 254)
    assert files.mapped([cut]) == [cut.path]

"""prefault_kit.studies.kernels.cache: whole things or none, and one process at a time."""

import contextlib
from pathlib import Path

import pytest

from prefault_kit.studies.kernels.cache import VARIABLE, Cache, CacheError, default


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty one."""
    return Cache(tmp_path / "kernels")


def test_what_is_made_appears_whole_or_not_at_all(cache: Cache) -> None:
    """A block that fails leaves nothing, and what was there before stays."""
    with cache.claimed():
        with cache.making("one") as part:
            (part / "file").write_text("first")
        with contextlib.suppress(RuntimeError), cache.making("one") as part:
            (part / "file").write_text("half")
            raise RuntimeError
    assert (cache.place / "one" / "file").read_text() == "first"
    assert {each.name for each in cache.place.iterdir()} == {"one", "lock"}


def test_it_is_made_anew_in_place_of_the_old(cache: Cache) -> None:
    """Nothing of the old one is left in it."""
    with cache.claimed():
        for name in ("old", "new"):
            with cache.making("one") as part:
                (part / name).touch()
    assert [each.name for each in (cache.place / "one").iterdir()] == ["new"]


def test_what_a_killed_process_left_goes(cache: Cache) -> None:
    """With the next claim."""
    (cache.place / "root.part-xyz").mkdir(parents=True)
    with cache.claimed():
        assert {each.name for each in cache.place.iterdir()} == {"lock"}


def test_two_at_once_are_told(cache: Cache) -> None:
    """The second one, in a sentence; afterwards it may."""
    second = Cache(cache.place).claimed()
    with cache.claimed(), pytest.raises(CacheError, match="another prefault-kit process is using"):
        second.__enter__()
    with Cache(cache.place).claimed():
        pass


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    """With the variable that chooses another."""
    (tmp_path / "file").touch()
    claimed = Cache(tmp_path / "file" / "kernels").claimed()
    with pytest.raises(CacheError, match=f"not a directory.*{VARIABLE}"):
        claimed.__enter__()


def test_room_is_asked_for_beforehand(cache: Cache) -> None:
    """What needs more than there is says how much."""
    with cache.claimed():
        cache.room_for(1, "a byte")
        with pytest.raises(CacheError, match="a great image needs 1,099,511,627,776 MiB"):
            cache.room_for(1 << 60, "a great image")


def test_clean_removes_all_of_it(cache: Cache) -> None:
    """And says how much that was."""
    with cache.claimed(), cache.making("one") as part:
        (part / "file").write_bytes(bytes(1 << 20))
    assert cache.size_bytes >= 1 << 20
    assert cache.clean() >= 1 << 20
    assert not cache.place.exists()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where one says, else below XDG_CACHE_HOME, else ~/.cache."""
    monkeypatch.setenv(VARIABLE, "/a")
    assert default() == Path("/a")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert default() == Path("/b/prefault-kit/kernels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default() == tmp_path / ".cache/prefault-kit/kernels"

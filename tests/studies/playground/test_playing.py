"""prefault_kit.studies.playground.playing: steps on real memory, deaths, and going back."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.measure.worker import Worker
from prefault_kit.studies.playground import Ground, Playing, Step
from prefault_kit.studies.playground.playing import CannotPlay
from tests.measure.test_worker import ended

PAGES = 64


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all tests that leave it alive."""
    with Worker() as made:
        yield made


def play(worker: Worker, *steps: Step, **ground: object) -> Playing:
    """Steps on a ground of 64 pages."""
    playing = Playing(Ground(pages=PAGES, **ground), worker)  # type: ignore[arg-type]
    playing.do_all(steps)
    return playing


def test_a_read_maps_the_zero_page_and_a_write_replaces_it(worker: Worker) -> None:
    """Pages that are not touched stay as they are."""
    playing = play(worker, Step("read", 1, 4), Step("write", 3, 4))
    read, written = playing.acts
    assert read.strips.table == ["not present"] + ["zero page"] * 4 + ["not present"] * 59
    assert Counter(written.strips.table) == {
        "not present": PAGES - 6,
        "zero page": 2,
        "anonymous": 4,
    }
    assert (read.outcome.minor, written.outcome.minor) == (4, 4)
    assert read.strips.bytes["rss"] == 0
    assert written.strips.bytes["rss"] == written.strips.bytes["dirty"]
    assert (read.strips.cache, read.strips.storage) == (None, None)


def test_a_file_has_all_three_strips(worker: Worker, disk_directory: Path) -> None:
    """Write, write back, drop, evict, punch: each strip tells its part."""
    where = {"kind": "file", "sharing": "shared", "directory": str(disk_directory)}
    playing = play(
        worker,
        Step("MADV_POPULATE_WRITE", 0, 8),
        Step("msync", 0, PAGES),
        Step("MADV_DONTNEED", 0, PAGES),
        Step("evict", 0, PAGES),
        Step("punch hole", 0, 4),
        **where,
    )
    written, synced, dropped, evicted, punched = (act.strips for act in playing.acts)
    assert written.table[:8] == ["of the file"] * 8
    assert written.cache is not None
    assert written.cache[:8] == ["dirty"] * 8
    assert "dirty" not in (synced.cache or [])
    assert synced.storage is not None
    assert synced.storage[:8] == ["data"] * 8
    assert set(dropped.table) == {"not present"}
    assert dropped.cache == synced.cache
    assert set(evicted.cache or []) == {"not cached"}
    assert punched.storage is not None
    assert punched.storage[:8] == ["hole"] * 4 + ["data"] * 4


def test_protection_and_locks_are_seen_page_by_page(worker: Worker) -> None:
    """In a strip of their own, where anything is not as usual."""
    playing = play(
        worker, Step("mprotect r", 2, 2), Step("mprotect none", 4, 1), Step("mlock", 8, 1)
    )
    access = playing.strips.access
    assert access[:6] == ["rw", "rw", "r", "r", "none", "rw"]
    assert access[8] in ("rw locked", "rw")  # where RLIMIT_MEMLOCK leaves no room it is refused
    assert access[9:] == ["rw"] * (PAGES - 9)


@pytest.mark.needs("wp_async")
def test_a_protected_page_is_released_by_a_write(worker: Worker) -> None:
    """userfaultfd notes it, and nobody has to wait."""
    playing = play(worker, Step("userfaultfd protect", 0, 2), Step("write", 0, 1))
    protected, written = (act.strips.access for act in playing.acts)
    assert protected[:3] == ["rw protected", "rw protected", "rw"]
    assert written[:3] == ["rw", "rw protected", "rw"]


def test_an_error_is_an_errno_and_a_page(worker: Worker) -> None:
    """Populating up to where the protection forbids it."""
    playing = play(worker, Step("mprotect none", 5, 1), Step("MADV_POPULATE_READ", 2, 8))
    outcome = playing.acts[1].outcome
    assert (outcome.error, outcome.page) == ("EINVAL", 5)
    assert playing.strips.table[2:6] == ["zero page"] * 3 + ["not present"]
    assert playing.alive


def test_a_touch_beyond_the_end_kills_the_process() -> None:
    """By a real SIGBUS; one click later everything before it is there again."""
    with Playing(Ground(kind="memfd", sharing="shared", pages=PAGES)) as playing:
        playing.do_all([Step("write", 0, 4), Step("truncate", 2)])
        act = playing.do(Step("read", 1, 3))
        assert (act.outcome.died, act.outcome.page) == ("SIGBUS", 2)
        assert not playing.alive
        assert act.strips == playing.acts[1].strips  # what there was when it died
        left = playing.back(2)
        assert [each.step.operation for each in left] == ["read"]
        assert playing.alive
        assert playing.strips.table[:3] == ["of the file", "of the file", "not present"]


def test_a_step_after_a_death_begins_anew() -> None:
    """Fresh memory, for what there was is gone."""
    with Playing(Ground(pages=4)) as playing:
        playing.do_all([Step("mprotect none", 1), Step("write", 0, 4)])
        assert playing.acts[-1].outcome.died == "SIGSEGV"
        act = playing.do(Step("write", 1))
        assert playing.acts == [act]
        assert act.strips.table == ["not present", "anonymous", "not present", "not present"]


def test_a_child_has_its_own_page_table(worker: Worker) -> None:
    """Private memory is copied as it is written, and the parent keeps what it had."""
    playing = play(worker, Step("write", 0, 4), Step("fork"))
    forked = playing.acts[1]
    assert forked.child is not None
    assert forked.child.table == forked.strips.table
    act = playing.do(Step("write", 0, 2, "child"))
    assert act.outcome.minor == 2
    assert act.strips.table == forked.strips.table
    parent = playing.do(Step("write", 2, 2))
    assert parent.outcome.minor == 2
    ended = playing.do(Step("end child"))
    assert ended.child is None


def test_a_child_dies_alone(worker: Worker) -> None:
    """Its parent and the memory live on; without a child there is an error."""
    playing = play(worker, Step("fork"), Step("mprotect none", 3, 1, "child"))
    act = playing.do(Step("read", 2, 4, "child"))
    assert (act.outcome.died, act.outcome.page, act.child) == ("SIGSEGV", 3, None)
    assert playing.alive
    assert playing.do(Step("read", 0, 1, "child")).outcome.error == "ECHILD"
    assert playing.do(Step("read", 3)).outcome.minor == 1


def test_a_killed_worker_leaves_no_child() -> None:
    """A child ends with its parent, whatever ends that."""
    with Worker() as own:
        play(own, Step("fork"))
        pid = own.pid
        [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        own.stop()
        assert ended(int(child))


def test_what_cannot_be_is_refused(worker: Worker) -> None:
    """In a sentence, before anything is done."""
    playing = play(worker)
    with pytest.raises(ValueError, match="there is no operation 'sing'"):
        playing.do(Step("sing"))
    with pytest.raises(ValueError, match="pages 60 to 69 are not within the 64 pages"):
        playing.do(Step("read", 60, 10))
    with pytest.raises(ValueError, match="a multiple of"):
        Ground(pages=3, page_size_bytes=2 << 20)
    with pytest.raises(ValueError, match="pages is a whole number from 1 to 4096"):
        Ground(pages=5000)
    with pytest.raises(ValueError, match="fork is the parent's to do"):
        playing.do(Step("fork", process="child"))
    assert playing.acts == []


def test_memory_that_cannot_be_had_says_why(worker: Worker, tmp_path: Path) -> None:
    """And the next ground works."""
    with pytest.raises(CannotPlay, match="does not exist"):
        play(worker, kind="file", directory=str(tmp_path / "gone"))
    assert play(worker).alive


def test_a_file_may_be_full_of_data(worker: Worker, disk_directory: Path) -> None:
    """Cached and on the disk, before the first step."""
    where = {"kind": "file", "content": "data", "directory": str(disk_directory)}
    playing = play(worker, **where)
    assert set(playing.fresh.cache or []) == {"cached"}
    assert set(playing.fresh.storage or []) == {"data"}


def test_a_step_of_many_pages_is_kept_small(worker: Worker) -> None:
    """Runs of equal pages, not each page."""
    with Playing(Ground(pages=4096), worker) as playing:
        act = playing.do(Step("write", 100, 3000))
    assert act.strips.runs["table"] == [
        (100, "not present"),
        (3000, "anonymous"),
        (996, "not present"),
    ]


@pytest.mark.needs("wp_async")
def test_a_child_protects_its_own_memory(worker: Worker) -> None:
    """With a userfaultfd of its own: the parent's is not inherited."""
    playing = play(worker, Step("userfaultfd protect", 0, 1), Step("fork"))
    act = playing.do(Step("userfaultfd protect", 4, 2, "child"))
    assert act.outcome.error is None
    assert act.child is not None
    assert act.child.access[3:7] == ["rw", "rw protected", "rw protected", "rw"]
    assert act.strips.access[:7] == ["rw protected", *["rw"] * 6]


def test_a_cold_page_is_a_major_fault(worker: Worker, disk_directory: Path) -> None:
    """Evicted, without read-ahead, then read."""
    where = {"kind": "file", "content": "data", "directory": str(disk_directory)}
    playing = play(worker, Step("MADV_RANDOM", 0, PAGES), Step("evict", 0, PAGES), **where)
    assert set(playing.strips.cache or []) == {"not cached"}
    outcome = playing.do(Step("read", 5)).outcome
    assert (outcome.major, outcome.minor) == (1, 0)


def test_locked_bytes_are_counted(worker: Worker) -> None:
    """Of the pages that mlock holds."""
    playing = play(worker, Step("write", 0, 2))
    act = playing.do(Step("mlock", 0, 2))
    if act.outcome.error:
        pytest.skip("RLIMIT_MEMLOCK leaves no room")
    assert act.strips.bytes["locked"] == act.strips.bytes["rss"]
    assert playing.do(Step("munlock", 0, 2)).strips.bytes["locked"] == 0


def test_a_death_shows_what_was_there_when_it_came() -> None:
    """The pages before the one that it died of were touched; the child's and the parent's."""
    cut = Step("truncate", 40)
    with Playing(Ground("memfd", "shared", PAGES)) as playing:
        died = playing.do_all([cut, Step("write", 0, PAGES)])[-1]
        assert (died.outcome.died, died.outcome.page) == ("SIGBUS", 40)
        assert died.strips.table == ["of the file"] * 40 + ["not present"] * 24
        assert (died.strips.storage or [])[:40] == ["data"] * 40
        steps = [cut, Step("fork"), Step("write", 0, PAGES, "child"), Step("read", 0, 1)]
        playing.begin()
        _, _, child, after = playing.do_all(steps)
        assert child.outcome.died == "SIGBUS"
        assert after.strips.table[0] == "of the file"
        assert after.child is None

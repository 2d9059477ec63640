"""prefault_kit.screens.playground.model: what a person can do to it, without widgets."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.measure.worker import Worker
from prefault_kit.screens.playground import Playground
from prefault_kit.studies.playground import Ground, Step
from prefault_kit.studies.playground.history import History
from tests.measure.test_worker import ended


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all tests, but where it is ended."""
    with Worker() as made:
        yield made


@pytest.fixture
def play(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Playground:
    """64 pages of anonymous memory."""
    monkeypatch.chdir(tmp_path)
    return Playground(worker=worker, pages=64)


def table(play: Playground, process: str = "parent") -> list[str]:
    """The page table as it is."""
    strips = play.strips(process)
    assert strips is not None
    return strips.table


def test_a_step_changes_pages_and_is_explained(play: Playground) -> None:
    """Status, reason and history tell of it."""
    play.choose(3, 2)
    play.do("read")
    assert table(play)[2:6] == ["not present", "zero page", "zero page", "not present"]
    assert play.status == "read: pages 3 to 4."
    assert play.reason is not None
    assert play.reason.promise == "read-zero-page"
    assert [step.operation for step in play.history.steps] == ["read"]


def test_another_memory_begins_anew(play: Playground) -> None:
    """Also when the chosen pages are not there any more."""
    play.choose(60, 4)
    play.do("write")
    play.kind, play.sharing = "memfd", "shared"
    assert play.acts == []
    assert table(play) == ["not present"] * 64
    play.pages = 512
    play.choose(500, 12)
    play.pages = 64
    assert (play.first, play.count) == (63, 1)


def test_a_choice_stays_within_the_pages(play: Playground) -> None:
    """Whatever is asked for."""
    for asked, got in (
        ((-5, 3), (0, 3)),
        ((70, 9), (63, 1)),
        ((60, 90), (60, 4)),
        ((5, 0), (5, 1)),
    ):
        play.choose(*asked)
        assert (play.first, play.count) == got


def test_going_back_replays_and_keeps_a_branch(play: Playground) -> None:
    """What was left can be gone to again."""
    for operation in ("read", "write", "MADV_DONTNEED"):
        play.do(operation)
    play.back(1)
    assert table(play)[0] == "zero page"
    play.do("mlock")
    assert list(play.history.branches) == ["branch 1"]
    play.switch("branch 1")
    assert [act.step.operation for act in play.acts] == ["read", "write", "MADV_DONTNEED"]
    play.switch("no such")
    assert play.status == "There is no branch 'no such'."


def test_a_death_is_told_and_undone_by_one_click(play: Playground) -> None:
    """The process is dead; what was before it is there again."""
    play.do("write", 0, 2)
    play.do("mprotect none", 5, 1)
    before = play.worker_pid
    play.do("read", 4, 4)
    assert (play.failed, play.alive) == (True, False)
    assert play.status == "Read: pages 4 to 7: SIGSEGV at page 5. The process is dead."
    play.revive()
    assert play.alive
    assert play.worker_pid != before
    assert len(play.acts) == 2
    assert table(play)[:2] == ["anonymous"] * 2
    play.do("write", 8)
    assert not play.failed


def test_a_worker_that_is_killed_is_replaced(play: Playground) -> None:
    """By its death from outside nothing is lost but the step."""
    play.do("write", 0)
    assert play.worker_pid
    os.kill(play.worker_pid, signal.SIGKILL)
    assert ended(play.worker_pid)
    play.do("write", 1)
    assert play.status == "Write: page 1: killed. The process is dead."
    play.revive()
    play.do("write", 2)
    assert not play.failed
    assert table(play)[:3] == ["anonymous", "not present", "anonymous"]


def test_what_is_done_after_a_death_begins_before_it(play: Playground) -> None:
    """The deadly step is left out: history and memory stay the same, and the reason is true."""
    for step in (("write", 0, 4), ("mprotect none", 5, 1), ("read", 5, 1)):
        play.do(*step)
    assert not play.alive
    play.do("MADV_NORMAL", 0, 1)
    assert play.reason is not None
    assert play.reason.text == "Nothing has changed that can be seen."
    play.do("write", 6, 1)
    assert [act.step for act in play.acts] == play.history.steps
    assert [step.operation for step in play.history.steps] == [
        "write",
        "mprotect none",
        "MADV_NORMAL",
        "write",
    ]
    play.back(1)
    assert table(play)[:7] == ["anonymous"] * 4 + ["not present"] * 3


def test_a_saved_death_is_met_again_and_left_behind(play: Playground) -> None:
    """What came after it in the file stays as a branch."""
    steps = [Step("write", 0, 4), Step("mprotect none", 5), Step("read", 5), Step("write", 6)]
    play.open(History(Ground(pages=64), steps).dump())
    assert not play.alive
    assert len(play.acts) == len(play.history.steps) == 3
    assert list(play.history.branches.values()) == [steps]
    play.revive()
    assert play.alive
    assert len(play.history.steps) == 2


def test_a_child_that_dies_takes_no_step_along(play: Playground) -> None:
    """Its parent lives, so there is nothing to leave out."""
    play.do("fork")
    play.do("mprotect none", 3, 1)
    play.process = "child"
    play.do("mprotect none", 3, 1)
    play.do("read", 3, 1)
    assert "The child is dead" in play.status
    play.revive()
    assert len(play.history.steps) == 4


def test_a_child_that_is_killed_is_told(play: Playground) -> None:
    """By whoever it was; the parent lives on, and the next fork works."""
    play.do("fork")
    pid = play.worker_pid
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGRTMIN + 6)
    play.do("write", 5)
    assert not play.failed
    assert play.strips("child") is None
    play.do("write", 6)
    assert play.alive
    play.do("fork")
    assert play.strips("child") is not None


def test_a_stopped_child_goes_with_its_parent(play: Playground) -> None:
    """Close does not wait for it."""
    play.do("fork")
    pid = play.worker_pid
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGSTOP)
    play.close()
    assert ended(int(child))
    play.back(0)
    assert play.status == "This playground is closed: show another one."
    assert play.worker_pid is None


def test_a_child_can_be_touched_and_ends(play: Playground) -> None:
    """Its map is beside the parent's."""
    play.do("write", 0, 2)
    play.do("fork")
    play.process = "child"
    play.do("write", 0)
    assert play.strips("child") is not None
    assert "(child)" in play.status
    play.do("end child")  # the parent's to do, whoever is chosen
    assert play.process == "parent"
    assert play.strips("child") is None


def test_a_step_waits_for_its_prediction(play: Playground) -> None:
    """What was painted is compared with what came; right and wrong are counted."""
    play.predicting = True
    play.choose(0, 4)
    play.do("read")
    assert play.acts == []
    assert play.waiting is not None
    play.expect(0, 2, "zero page")
    play.expect(2, 1, "anonymous")
    play.reveal()
    assert [act.step.operation for act in play.acts] == ["read"]
    assert play.wrong == [2, 3]  # one painted otherwise, one not painted
    assert play.score == (2, 4)
    play.do("write")
    play.do("MADV_NORMAL")
    assert play.status == "Write: pages 0 to 3 waits: do it, or forget it."
    play.forget()
    assert len(play.acts) == 1
    play.expect(0, 1)
    assert play.status == "No step waits: choose an operation first."


def test_a_history_is_saved_opened_and_shared(play: Playground, tmp_path: Path) -> None:
    """A file is never overwritten; a link opens the same."""
    play.kind, play.sharing = "memfd", "shared"
    play.do("write", 2, 3)
    play.save("mine.json")
    assert play.status == "Saved mine.json."
    play.save("mine.json")
    assert play.failed
    assert "exists" in play.status.lower()
    link = play.history.link()
    play.kind = "anon"
    for open_it in (lambda: play.load("mine.json"), lambda: play.open(link)):
        open_it()
        assert (play.kind, play.sharing) == ("memfd", "shared")
        assert table(play)[2:5] == ["of the file"] * 3
        play.begin()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.json"]


@pytest.mark.parametrize("text", ["", "prefault:x", '{"format": 1}', "\0"])
def test_a_hostile_history_changes_nothing(play: Playground, text: str) -> None:
    """A sentence, and the memory is as it was."""
    play.do("write", 1)
    play.open(text)
    assert play.failed
    assert play.status.startswith("This is no saved history")
    assert table(play)[1] == "anonymous"
    play.do("write", 2)
    assert not play.failed


def test_an_odd_path_is_a_sentence(play: Playground) -> None:
    """No such file; a directory; a device."""
    for path in ("gone.json", ".", "/proc/self/mem", "~nosuchuser/x", "a\0b"):
        play.load(path)
        assert play.failed
        assert "Traceback" not in play.status and "Errno" not in play.status
    play.load("gone.json")
    assert play.status == ("Cannot read gone.json: No such file or directory; choose another file.")
    play.save("/nowhere/mine.json")
    assert play.status == (
        "Cannot write /nowhere/mine.json: No such file or directory; choose another place."
    )


def test_memory_that_cannot_be_had_says_so_and_another_works(play: Playground) -> None:
    """And nothing can be done to what is not there."""
    play.kind = "file"
    play.directory = "/no/such/place"
    assert play.failed
    assert "does not exist" in play.status
    play.do("write")
    assert play.status == "There is no memory: the directory /no/such/place does not exist."
    play.kind = "anon"
    play.do("write")
    assert not play.failed


def test_an_odd_kind_is_refused(play: Playground) -> None:
    """Also one that begins like another."""
    for kind in ("anon nonsense", "file huge", "disk", ""):
        play.kind = kind
        assert play.failed
        assert "the kind is one of" in play.status.lower()
        play.do("write")
        assert play.acts == []


def test_a_history_of_tmpfs_opens(play: Playground) -> None:
    """The directory is for files on disk alone."""
    play.kind, play.sharing = "tmpfs", "shared"
    if play.failed:
        pytest.skip(play.status)
    play.do("write", 1)
    play.open(play.history.link())
    assert not play.failed
    assert (play.kind, table(play)[1]) == ("tmpfs", "of the file")


def test_back_takes_a_number_of_steps(play: Playground) -> None:
    """Of those that there are."""
    play.do("read")
    for count in (-1, 2):
        play.back(count)
        assert play.status == f"Count is a whole number from 0 to 1, not {count}."
    assert len(play.acts) == 1


def test_what_a_memory_lacks_is_greyed(play: Playground) -> None:
    """With the reason; a file brings it."""
    assert play.offer()["fallocate"].reason == "anonymous memory has no file"
    assert play.offer()["MADV_COLLAPSE"].reason
    play.kind = "memfd"
    assert play.offer()["fallocate"].reason is None


@pytest.mark.needs("hugetlb")
def test_huge_pages_come_whole(play: Playground, huge_page_bytes: int) -> None:
    """A choice of fewer pages than a huge one has becomes one huge page."""
    play.kind = "memfd huge"
    assert play.pages == huge_page_bytes // Ground().page_size_bytes
    play.do("write", 0, 1)
    assert set(table(play)) == {"huge"}
    assert play.reason is not None
    assert "a huge page from the pool" in play.reason.text
    strips = play.strips()
    assert strips is not None
    assert strips.storage is None
    assert strips.bytes["hugetlb"] == huge_page_bytes
    play.kind = "anon huge"
    play.do("mprotect none", 0, play.pages)
    play.do("write", 3, 1)  # in the middle of a huge page
    assert "SIGSEGV at page 3" in play.status


def test_a_full_tmpfs_is_a_signal_and_the_next_step_works(
    play: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that ends is told by SIGBUS as a full tmpfs is."""
    play.kind, play.sharing = "memfd", "shared"
    play.do("truncate", 8)
    play.do("write", 6, 4)
    assert "SIGBUS at page 8" in play.status
    play.revive()
    play.do("write", 6, 2)
    assert not play.failed


def test_hundreds_of_steps_do_not_grow_it(play: Playground) -> None:
    """The process that has the memory: nothing of a step is kept there."""

    def resident() -> int:
        return int(Path(f"/proc/{play.worker_pid}/statm").read_text().split()[1])

    for number in range(100):
        play.do(("read", "write", "MADV_DONTNEED")[number % 3], number % 60, 3)
    before = resident()
    for number in range(400):
        play.do(("read", "write", "MADV_DONTNEED")[number % 3], number % 60, 3)
    assert len(play.acts) == 500
    assert resident() <= before + 48
    assert History.load(play.history.link()).steps == play.history.steps


def test_what_makes_a_child_is_not_predicted(play: Playground) -> None:
    """It changes no page of the table, and is named without pages."""
    play.begin()
    play.predicting = True
    try:
        assert play.offer()["end child"].reason == "there is no child: fork first"
        play.do("fork", 7, 1)
        assert play.waiting is None
        assert play.status == "fork."
        assert play.offer()["end child"].reason is None
        play.do("end child")
        assert play.reason is not None
        assert play.reason.text.startswith("The child has exited")
    finally:
        play.predicting = False


def test_going_back_before_what_was_prepared_ends_the_scene(play: Playground) -> None:
    """What comes then is news."""
    play.begin()
    play.do("write", 0, 2)
    play.prepare()
    assert play.news is None
    play.back(0)
    play.do("write", 5, 1)
    assert play.news is play.acts[-1]
    play.prepare()
    play.open(play.history.dump())
    assert play.news is play.acts[-1]


def test_a_dead_memory_is_not_prepared(play: Playground) -> None:
    """There is nothing to go back to."""
    play.begin()
    play.do("mprotect none", 0, 1)
    play.do("read", 0, 1)
    play.prepare()
    assert (play.alive, play.prepared) == (False, 0)
    play.begin()

"""checking: every question gets a verdict, also when the worker dies."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.measure.worker import Worker
from prefault_kit.studies import promises
from prefault_kit.studies.promises import Verdict, checking
from prefault_kit.studies.promises.checking import Question, check, perform, questions
from prefault_kit.studies.promises.promise import Promise


def test_ids_are_chosen_by_pattern() -> None:
    """Wildcards choose; a pattern that fits nothing says so."""
    names = [each.id for each in promises.chosen(["fault-*"])]
    assert names
    assert all(name.startswith("fault-") for name in names)
    assert [each.id for each in promises.chosen()] == list(promises.PROMISES)
    with pytest.raises(ValueError, match="no promise is named 'nothing-\\*'"):
        promises.chosen(["nothing-*"])


def test_files_are_asked_in_every_directory(tmp_path: Path) -> None:
    """A promise on files is asked once a directory, one on memory once."""
    one = questions(["resident-written"], [str(tmp_path)])
    two = questions(["resident-written"], [str(tmp_path), "."])
    assert len(two) == len(one) + 1


def test_each_question_has_its_verdict() -> None:
    """Verdicts come in the order of the questions, and each is told."""
    asked = questions(["fault-first-touch"])
    told: list[Verdict] = []
    verdicts = check(asked, on_verdict=told.append)
    assert told == verdicts
    assert [(each.id, each.backing) for each in verdicts] == [
        (each.promise.id, each.kind) for each in asked
    ]


class Dying(Worker):
    """A worker that is killed while it shows the second promise it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.killed = False

    def stream(self, target: str, payload: dict[str, object]) -> Iterator[dict[str, object]]:
        for event in super().stream(target, payload):
            yield event
            if not self.killed:
                self.killed = True
                assert self.pid
                os.kill(self.pid, 9)


def test_a_death_from_outside_is_not_testable_and_the_rest_goes_on() -> None:
    """Another's SIGKILL says nothing of a promise; the others are judged all the same."""
    asked = questions(["resident-*"])
    told: list[Verdict] = []
    with Dying() as worker:
        verdicts = check(asked, worker=worker, on_verdict=told.append)
    assert len(verdicts) == len(asked)
    assert told == verdicts
    dead = [each for each in verdicts if "SIGKILL" in (each.reason or "")]
    assert len(dead) == 1
    assert (dead[0].verdict, dead[0].observed) == ("not-testable", None)


def _verdict_on_a_death(number: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """On a promise that expects ``expected``, and during which the worker gets a signal."""
    shown = replace(promises.PROMISES["fault-first-touch"], on={"private anon": expected})
    with Worker() as worker:

        def die(*_: object, **known: object) -> None:
            worker.start()
            assert worker.pid
            os.kill(worker.pid, number)
            for _ in worker.stream(perform, {"asked": []}):
                pass

        monkeypatch.setattr(checking, "listen", die)
        return check([Question(shown, "private anon", ".")], worker=worker)[0]


def test_a_fault_of_its_own_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSEGV and SIGBUS come from what is shown, and differ without a reason."""
    for number, name in ((signal.SIGSEGV, "SIGSEGV"), (signal.SIGBUS, "SIGBUS")):
        verdict = _verdict_on_a_death(number, "1 page", monkeypatch)
        assert verdict.verdict == "differs"
        assert name in (verdict.observed or "")
        assert not verdict.explained


def test_a_death_that_the_promise_speaks_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a promise is about SIGKILL, one that hits the worker is no excuse."""
    assert _verdict_on_a_death(9, "SIGKILL", monkeypatch).verdict == "differs"
    assert _verdict_on_a_death(9, "returns", monkeypatch).verdict == "not-testable"


def test_every_promise_has_its_words() -> None:
    """Ids are lower case with hyphens; source, claim and expectation are there."""
    for name, promise in promises.PROMISES.items():
        assert name == name.lower().replace(" ", "-")
        assert promise.source
        assert promise.claim
        assert promise.on
        assert all(promise.on.values())


@pytest.mark.parametrize(
    ("threads", "answers", "verdict"),
    [
        (["kdamond.0"], "511 512", "holds"),
        (["kdamond.0"], "511 511", "differs"),
        ([], "511 512", "differs"),
    ],
    ids=["evicted-once", "differs-twice", "nobody-evicts"],
)
def test_what_differs_is_asked_again_where_idle_pages_are_evicted(
    monkeypatch: pytest.MonkeyPatch, threads: list[str], answers: str, verdict: str
) -> None:
    """DAMON may take a page at any time; what differs twice differs."""
    left = iter(answers.split())
    on = {"private anon": "512"}
    shown = Promise("cached", "nowhere", "a claim", on, lambda _: next(left))
    monkeypatch.setitem(checking.PROMISES, "cached", shown)
    monkeypatch.setattr(checking.damon, "threads", lambda: threads)
    asked = {"asked": [("cached", "private anon", ".")]}
    assert [each["verdict"] for each in perform(asked)] == [verdict]


def test_a_question_names_its_memory_as_its_verdict_does(tmp_path: Path) -> None:
    """So that a verdict can be found for a question that was asked before."""
    asked = questions(["read-makes-readable"], [str(tmp_path)])
    assert [each.memory for each in asked] == [each.backing for each in check(asked)]

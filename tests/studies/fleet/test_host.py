"""prefault_kit.studies.fleet.host: a Dask worker passes on what its child says, and its end."""

from __future__ import annotations

import os
from typing import Any

import pytest

from prefault_kit.measure.worker import Task
from prefault_kit.studies.fleet.cluster import Attempt, Cluster
from tests.cli.command import is_gone
from tests.studies.fleet import tasks
from tests.studies.fleet.made import await_true


def told(
    reached: Cluster, task: Task, payload: dict[str, Any] | None = None, *, until: str
) -> tuple[Attempt, list[dict[str, Any]]]:
    """What is said of a task, up to an event of this kind."""
    (address,) = reached.workers()
    attempt = reached.start(address, task, payload or {})
    said: list[dict[str, Any]] = []

    def comes() -> bool:
        said.extend(reached.hear(0.05))
        return any(until in event for event in said)

    await_true(comes)
    assert {event.pop("attempt") for event in said} == {attempt.key}
    return attempt, said


def test_rows_come_in_their_order(reached: Cluster) -> None:
    """Each with the turn that it is of; Dask's task ends after them."""
    attempt, said = told(reached, tasks.count, {"rows": 20}, until="end")
    assert [event["row"]["n"] for event in said[:-1]] == list(range(20))
    await_true(lambda: attempt.is_lost)


@pytest.mark.parametrize(
    ("task", "words"),
    [(tasks.die, "killed by SIGBUS"), (tasks.fail, "RuntimeError: a fault in DIR")],
)
def test_the_end_of_the_child_is_an_event(reached: Cluster, task: Task, words: str) -> None:
    """The Dask worker lives on, and names no path."""
    _, said = told(reached, task, until="died")
    assert said[0] == {"row": {"n": 1}}
    assert words in said[-1]["died"]
    assert len(reached.workers()) == 1


def test_the_child_ends_once_nobody_wants_it(reached: Cluster) -> None:
    """As after a Ctrl-C."""
    attempt, said = told(reached, tasks.wait, until="pid")
    pid = said[0]["pid"]
    assert pid != os.getpid()
    assert not is_gone(pid)
    assert reached.cancel([attempt])
    stopped: list[dict[str, Any]] = []
    await_true(lambda: stopped.extend(reached.hear(0.05)) or stopped)
    assert stopped == [{"stopped": True, "attempt": attempt.key}]
    assert is_gone(pid)

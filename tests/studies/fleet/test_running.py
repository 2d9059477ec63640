"""prefault_kit.studies.fleet.running: who runs when, and what becomes of what is said."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from prefault_kit.host.identity import Identity
from prefault_kit.studies.fleet import running
from prefault_kit.studies.fleet.cluster import Unfit
from prefault_kit.studies.fleet.collected import Folder, Host
from prefault_kit.studies.fleet.running import Moved
from tests.studies.fleet.made import FACTS, JOB, rows

A, B, C = (Identity(f"turn {each}", f"boot {each}", f"machine {each}") for each in "abc")
HOST = {"host": FACTS, "anew": True}
DONE = {"end": 0, "said": None}


@dataclass
class Cluster:
    """A scheduler whose workers do as a script says: at each look the next step of it."""

    script: list[Any]
    """Workers by address, or a function that is called with this."""
    are: dict[str, Identity | Unfit]
    says: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By address, what a worker says when it is given work."""
    there: dict[str, str] = field(default_factory=dict)
    started: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)

    def workers(self) -> dict[str, str]:
        if self.script:
            step = self.script.pop(0)
            if callable(step):
                step(self)
            else:
                self.there = dict.fromkeys(step, "10.0.0.1")
        return dict(self.there)

    def look_at(self, workers: dict[str, str], key: str) -> dict[str, Identity | Unfit]:
        return {address: self.are[address] for address in workers}

    def start(self, address: str, task: object, payload: dict[str, Any]) -> Any:
        key = f"{address} {len(self.started)}"
        self.started.append((address, payload))
        self.heard += [event | {"attempt": key} for event in self.says.get(address, [])]
        return SimpleNamespace(key=key, address=address, is_lost=False)

    def cancel(self, attempts: list[Any]) -> bool:
        self.cancelled += [each.address for each in attempts]
        self.heard += [{"attempt": each.key, "stopped": True} for each in attempts]
        return True

    def hear(self, seconds: float) -> Iterator[dict[str, Any]]:
        while self.heard:
            yield self.heard.pop(0)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOK_S", 0.0)


def run(place: Path, cluster: Cluster, **known: Any) -> tuple[list[Host], list[Moved]]:
    """The hosts as they ended, and how they came to that."""
    moved: list[Moved] = []
    folder = (Folder.resume if place.exists() else Folder.begin)(place, JOB)
    try:
        running.run(
            folder,
            cluster,
            lambda _: iter(()),
            on_move=moved.append,
            **{"wait_s": 0.0} | known,  # type: ignore[arg-type]
        )
    finally:
        folder.close()
    return folder.hosts, moved


def answer(*numbers: int, **end: Any) -> list[dict[str, Any]]:
    """What a host says that has these rows."""
    return [HOST, *({"row": {"n": number}} for number in numbers), end or DONE]


def states(hosts: list[Host]) -> list[tuple[str, str, str | None]]:
    """Of each."""
    return [(host.name, host.state, host.message) for host in hosts]


def test_each_host_runs_once(tmp_path: Path) -> None:
    """However many workers it has; its rows make its run."""
    are = {"a1": A, "a2": A, "b": B}
    cluster = Cluster([are], are, {each: answer(1, 2) for each in are})
    hosts, moved = run(tmp_path / "f", cluster)
    assert [address for address, _ in cluster.started] == ["a1", "b"]
    assert states(hosts) == [("host-1", "done", "2 rows"), ("host-2", "done", "2 rows")]
    assert [each.part for each in moved] == [0.0, 0.0, None, None]
    assert rows(tmp_path / "f", "host-2") == [{"n": 1}, {"n": 2}]


def test_hosts_of_one_machine_take_turns(tmp_path: Path) -> None:
    """The second has its own after the first has ended."""
    are = {"a": A, "b": Identity(A.turn, B.boot, B.machine)}

    def end(cluster: Cluster) -> None:
        assert len(cluster.started) == 1
        cluster.heard += [each | {"attempt": "a 0"} for each in answer(1)]

    cluster = Cluster([are, lambda _: None, end], are, {"b": answer(2)})
    assert [each.state for each in run(tmp_path / "f", cluster)[0]] == ["done", "done"]
    assert len(cluster.started) == 2


def test_one_that_leaves_is_made_up_for(tmp_path: Path) -> None:
    """By another worker of it, that knows what is there; a machine that has booted is the same."""
    are = {"a": A, "new": A, "booted": Identity("another turn", "another boot", A.machine)}
    said = [HOST, {"row": {"n": 1}}]
    rest = [{"host": FACTS, "anew": False}, {"row": {"n": 2}}, DONE]
    for number, back in enumerate(("new", "booted")):
        cluster = Cluster([["a"], [], [back]], are, {"a": said, back: rest})
        hosts, _ = run(tmp_path / str(number), cluster, wait_s=60)
        assert states(hosts) == [("host-1", "done", "2 rows")]
        assert cluster.started[1][1]["rows"] == [{"n": 1}]
        assert cluster.started[1][1]["host"] == FACTS
        assert rows(tmp_path / str(number), "host-1") == [{"n": 1}, {"n": 2}]


def test_one_that_has_changed_begins_again(tmp_path: Path) -> None:
    """It says so itself."""
    cluster = Cluster(
        [["a"], [], ["b"]], {"a": A, "b": A}, {"a": [HOST, {"row": {"n": 1}}], "b": answer(5)}
    )
    run(tmp_path / "f", cluster, wait_s=60)
    assert rows(tmp_path / "f", "host-1") == [{"n": 5}]


def test_one_that_does_not_come_back_is_a_row(tmp_path: Path) -> None:
    """With what it had finished as a run; --resume asks it for the rest alone, the others not."""
    are = {"a": A, "b": B, "new": A}
    cluster = Cluster([["a", "b"], ["b"]], are, {"a": [HOST, {"row": {"n": 1}}], "b": answer(7)})
    hosts, _ = run(tmp_path / "f", cluster)
    assert states(hosts) == [
        ("host-1", "left", "it left while it ran"), ("host-2", "done", "1 rows"),
    ]  # fmt: skip
    assert (tmp_path / "f" / "host-1.json").exists()
    assert cluster.cancelled == ["a"]
    again = Cluster(
        [["new", "b"]], are, {"new": [{"host": FACTS, "anew": False}, {"row": {"n": 2}}, DONE]}
    )
    hosts, _ = run(tmp_path / "f", again)
    assert [address for address, _ in again.started] == ["new"]
    assert [each.state for each in hosts] == ["done", "done"]
    assert rows(tmp_path / "f", "host-1") == [{"n": 1}, {"n": 2}]


def test_one_whose_workers_always_end_is_let_be(tmp_path: Path) -> None:
    """After three times; and one that leaves before its turn is a row, too."""
    steps = [each for number in range(4) for each in ([f"a{number}"], [])]
    are: dict[str, Any] = {f"a{number}": A for number in range(4)}
    hosts, _ = run(tmp_path / "f", Cluster(list(steps), are), wait_s=60)
    assert states(hosts) == [("host-1", "died", "it left 3 times while it ran: see its log")]
    two = {"a": A, "b": Identity(A.turn, B.boot, B.machine)}

    def end(cluster: Cluster) -> None:
        cluster.there = {"a": "10.0.0.1"}
        cluster.heard += [each | {"attempt": "a 0"} for each in answer(1)]

    hosts, _ = run(tmp_path / "g", Cluster([two, end], two))
    assert states(hosts)[1] == ("host-2", "left", "it left before its turn")


def test_hosts_are_waited_for(tmp_path: Path) -> None:
    """Until there are as many as are wanted."""
    are = {"a": A, "b": B}
    cluster = Cluster([[], ["a"], ["a"], ["a"], ["a", "b"]], are, {each: answer(1) for each in are})
    hosts, _ = run(tmp_path / "f", cluster, hosts=2, wait_s=60)
    assert [each.state for each in hosts] == ["done", "done"]


def test_one_that_cannot_be_asked_is_a_row(tmp_path: Path) -> None:
    """One for all workers of it; the others go on."""
    old = Unfit("10.0.0.9", "it has Python 3.2")
    are: dict[str, Any] = {"x": old, "y": old, "a": A}
    hosts, moved = run(tmp_path / "f", Cluster([are], are, {"a": answer(1)}))
    assert states(hosts) == [
        ("host-1", "refused", "it has Python 3.2"), ("host-2", "done", "1 rows"),
    ]  # fmt: skip
    assert moved[0].words == "refused: it has Python 3.2"
    hosts, _ = run(tmp_path / "f", Cluster([["a"]], are))
    assert states(hosts) == [("host-2", "done", "1 rows")]


@pytest.mark.parametrize(
    ("said", "state", "message"),
    [
        ([HOST, {"end": 3, "said": "no room: free\nsome"}], "refused", "no room: free some"),
        ([HOST, {"end": 0, "said": None}], "refused", "it sent no row"),
        (answer(1, end=1, said="1 of 1 differs"), "failed", "1 rows; 1 of 1 differs"),
        ([HOST, {"died": "killed by SIGKILL"}], "died", "killed by SIGKILL"),
        ([HOST, {"row": {"x": 1}}], "refused", "what it sent is no result: it has no number"),
        ([{"end": [0]}], "refused", "what it sent is no result: it has neither a row nor an end"),
        ([{"nothing": 1}], "refused", "what it sent is no result: it has neither a row nor an end"),
        ([HOST, {"end": 2, "said": "a\x1b[2J<b>"}], "refused", "a?[2J<b>"),
        ([HOST, {"end": 2, "said": "x" * 9000}], "refused", "x" * 1000),
        ([HOST, {"part": 10**400, "words": "\x07"}, {"part": [], "words": 1}, *answer(1)], "done",
         "1 rows"),
    ],
)  # fmt: skip
def test_how_a_host_ends(
    tmp_path: Path, said: list[dict[str, Any]], state: str, message: str
) -> None:
    """By its own word, or by one that no host of ours would say."""
    hosts, moved = run(tmp_path / "f", Cluster([["a"]], {"a": A}, {"a": said}))
    assert states(hosts) == [("host-1", state, message)]
    assert moved[-1].words.startswith(state)
    assert all(each.words.isprintable() for each in moved)


def test_who_has_no_turn_is_not_heard(tmp_path: Path) -> None:
    """What comes late, or from somebody else, is of no host."""
    late = [*answer(1), {"row": {"n": 9}}, DONE]
    cluster = Cluster([["a"]], {"a": A}, {"a": late})
    cluster.heard.append({"attempt": "guessed", "row": {"n": 8}})
    run(tmp_path / "f", cluster)
    assert rows(tmp_path / "f", "host-1") == [{"n": 1}]


def test_a_lost_task_is_not_waited_for(tmp_path: Path) -> None:
    """Dask may end it without a word of the host."""

    def lose(cluster: Cluster) -> None:
        cluster.attempts[0].is_lost = True  # type: ignore[attr-defined]

    cluster = Cluster([["a"], lose], {"a": A}, {"a": [HOST]})
    start = cluster.start
    cluster.attempts = []  # type: ignore[attr-defined]
    cluster.start = lambda *a: cluster.attempts.append(start(*a)) or cluster.attempts[-1]  # type: ignore
    hosts, _ = run(tmp_path / "f", cluster)
    assert states(hosts) == [("host-1", "died", "its Dask worker ended the work: see its log")]


@pytest.mark.parametrize("how", ["asked", "by an error"])
def test_leaving_ends_what_runs(tmp_path: Path, how: str) -> None:
    """And keeps its rows, as a run as well."""
    stop = threading.Event()

    def leave(_: Cluster) -> None:
        if how != "asked":
            raise RuntimeError("a fault")
        stop.set()

    cluster = Cluster([["a"], leave], {"a": A}, {"a": [HOST, {"row": {"n": 1}}]})
    expected = contextlib.nullcontext() if how == "asked" else pytest.raises(RuntimeError)
    with expected:
        run(tmp_path / "f", cluster, stop=stop, wait_s=60)
    assert cluster.cancelled == ["a"]
    (host,) = Folder.resume(tmp_path / "f", JOB).hosts
    assert (host.state, host.message, host.count) == ("left", "it was stopped", 1)
    assert (tmp_path / "f" / "host-1.json").exists()


def test_names_are_kept_if_they_are_asked_for(tmp_path: Path) -> None:
    """As one line; and not otherwise, though a host may say it."""
    said = [HOST | {"hostname": "plu\nto"}, *answer(1)[1:]]
    for number, names in enumerate((False, True)):
        cluster = Cluster([["a"]], {"a": A}, {"a": said})
        hosts, _ = run(tmp_path / str(number), cluster, names=names)
        assert hosts[0].hostname == ("plu to" if names else None)
        assert cluster.started[0][1]["names"] is names

"""A fleet under way: hosts come and go, each measures alone, and what they say is collected."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prefault_kit.host.identity import Identity
from prefault_kit.measure.worker import Event, Task
from prefault_kit.studies.fleet.cluster import Attempt, Cluster, Unfit
from prefault_kit.studies.fleet.collected import (
    DIED,
    DONE,
    FAILED,
    LEFT,
    OVER,
    REFUSED,
    RUNNING,
    WAITING,
    Folder,
    Host,
)

LOOK_S = 1.0
"""Between two looks at which workers there are."""
STOP_S = 5.0
"""The longest that hosts are waited for to say that they have stopped."""
MOST_LOSSES = 3
"""As often a host is asked whose workers end while it runs."""
LONGEST_NAME = 200
LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class Moved:
    """How far a host is."""

    host: Host
    part: float | None
    """0 to 1; None once it does not run any more."""
    words: str


@dataclass
class _Member:
    """A host and the workers that it has at the moment."""

    host: Host
    turn: str
    workers: set[str] = field(default_factory=set)
    attempt: Attempt | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    losses: int = 0

    @property
    def can_run(self) -> bool:
        return bool(self.workers) and not self.attempt and self.host.state in (WAITING, LEFT)


class _Run:
    def __init__(
        self,
        folder: Folder,
        cluster: Cluster,
        task: Task,
        names: bool,
        on_move: Callable[[Moved], object],
    ) -> None:
        self.folder = folder
        self.cluster = cluster
        self.task = task
        self.names = names
        self.on_move = on_move
        self.members = [_Member(host, host.boot) for host in folder.hosts]
        self.met: set[str] = set()
        self.looked = 0.0

    @property
    def running(self) -> list[_Member]:
        return [each for each in self.members if each.attempt]

    def step(self) -> None:
        """Look who is there, give work to who can run, and hear what is said meanwhile."""
        if time.monotonic() - self.looked > LOOK_S:
            self.looked = time.monotonic()
            self._look()
        busy = {each.turn for each in self.running}
        for member in self.members:
            if member.can_run and member.turn not in busy:
                busy.add(member.turn)
                self._start(member)
        for event in self.cluster.hear(LOOK_S / 4):
            self._take(event)

    def _look(self) -> None:
        there = self.cluster.workers()
        self.met &= set(there)
        for member in self.members:
            member.workers &= set(there)
            attempt = member.attempt
            if not member.workers and member.host.state == WAITING:
                self._end(member, LEFT, "it left before its turn")
            if attempt and attempt.address not in there:
                self.cluster.cancel([attempt])
                self._lose(member)
            elif attempt and attempt.is_lost:
                for event in self.cluster.hear(0.0):  # its last word may have come since
                    self._take(event)
                if member.attempt is attempt:
                    self._end(member, DIED, "its Dask worker ended the work: see its log")
        new = {address: place for address, place in there.items() if address not in self.met}
        if new:
            for address, found in self.cluster.look_at(new, self.folder.key).items():
                self.met.add(address)
                self._meet(address, found)

    def _lose(self, member: _Member) -> None:
        """Its worker has gone while it ran; it is waited for, but not for ever."""
        member.losses += 1
        if member.losses < MOST_LOSSES:
            self._end(member, LEFT, "it left while it ran")
        else:
            self._end(member, DIED, f"it left {MOST_LOSSES} times while it ran: see its log")

    def _meet(self, address: str, found: Identity | Unfit) -> None:
        member = self._member(found)
        member.workers.add(address)
        if isinstance(found, Unfit):
            member.host.state, member.host.message = REFUSED, found.why
        else:
            member.turn = found.turn
            member.host.boot, member.host.machine = found.boot, found.machine
        self.folder.save()
        if isinstance(found, Unfit):
            self.on_move(Moved(member.host, None, f"{REFUSED}: {found.why}"))

    def _member(self, found: Identity | Unfit) -> _Member:
        """The one that a worker belongs to; a new one if there is none."""
        if isinstance(found, Unfit):
            turn = f"{found.place} {found.why}"
            known = [each for each in self.members if not each.host.boot and each.turn == turn]
        else:
            turn = found.turn
            known = [each for each in self.members if each.host.is_same(found)]
            known += [each for each in self.members if not each.workers and each.host.may_be(found)]
        if known:
            return known[0]
        member = _Member(self.folder.new_host(None if isinstance(found, Unfit) else found), turn)
        self.members.append(member)
        return member

    def _start(self, member: _Member) -> None:
        host = member.host
        payload = {
            "words": list(self.folder.job.words),
            "host": host.facts,
            "rows": [dict(each) for each in self.folder.rows(host)],
            "names": self.names,
        }
        member.facts = {}
        member.attempt = self.cluster.start(min(member.workers), self.task, payload)
        host.state, host.message = RUNNING, None
        self.folder.save()
        self.on_move(Moved(host, 0.0, "its turn"))

    def _take(self, event: Event) -> None:
        """Act on what a host said; what cannot be ends its turn."""
        member = next(
            (
                each
                for each in self.members
                if each.attempt and each.attempt.key == event["attempt"]
            ),
            None,
        )
        if member is None:  # of a turn that is over
            return
        try:
            self._act(member, event)
        except ValueError as error:
            assert member.attempt
            self.cluster.cancel([member.attempt])
            self._end(member, REFUSED, f"what it sent is no result: {error}")

    def _act(self, member: _Member, event: Event) -> None:
        host = member.host
        if isinstance(facts := event.get("host"), dict):
            if event.get("anew") is True and host.count:
                self.folder.restart(host)
            member.facts = facts
            if self.names:
                host.hostname = _name(event.get("hostname"))
        elif isinstance(row := event.get("row"), dict):
            self.folder.add(host, member.facts, row)
        elif "words" in event:
            part, words = event.get("part"), event["words"]
            if isinstance(part, int | float) and isinstance(words, str):
                self.on_move(Moved(host, float(min(1.0, max(0.0, part))), _line(words)))
        elif isinstance(status := event.get("end"), int):
            said = event.get("said")
            state = {0: DONE, 1: FAILED}.get(status, REFUSED)
            self._end(member, state, said if isinstance(said, str) else None)
        elif "died" in event:
            self._end(member, DIED, str(event["died"]))
        elif "stopped" in event:
            self._end(member, LEFT, "it was stopped")
        else:
            raise ValueError("it has neither a row nor an end")

    def _end(self, member: _Member, state: str, message: str | None) -> None:
        host, member.attempt = member.host, None
        if state in OVER and not host.count:  # of a command that ended before its first row
            state, message = REFUSED, message or "it sent no row"
        if state in OVER:
            summary = self.folder.job.summary(self.folder.rows(host))
            message = f"{summary}; {message}" if message else summary
        host.state = state
        host.message = None if message is None else _line(message, LONGEST_MESSAGE)
        try:
            self.folder.record(host)
        except ValueError as error:
            host.state, host.message = REFUSED, _line(f"what it sent is no run: {error}")
        self.folder.save()
        words = host.state + (f": {host.message}" if host.message else "")
        self.on_move(Moved(host, None, words))

    def stop(self) -> None:
        """End what runs on hosts, and wait a little until they say so."""
        asked = self.cluster.cancel([each.attempt for each in self.running if each.attempt])
        deadline = time.monotonic() + STOP_S
        while asked and self.running and time.monotonic() < deadline:
            for event in self.cluster.hear(LOOK_S / 4):
                self._take(event)
        for member in self.running:
            self._end(member, LEFT, "it was stopped")


def _line(said: str, longest: int = LONGEST_NAME) -> str:
    """One line that a terminal can show."""
    words = " ".join(said[: 2 * longest].split())
    return "".join(each if each.isprintable() else "?" for each in words)[:longest]


def _name(said: object) -> str | None:
    """What a host says that it is called."""
    return _line(said) or None if isinstance(said, str) else None


def run(
    folder: Folder,
    cluster: Cluster,
    task: Task,
    *,
    hosts: int = 1,
    wait_s: float = 60.0,
    names: bool = False,
    on_move: Callable[[Moved], object] = lambda _: None,
    stop: threading.Event | None = None,
) -> None:
    """Let ``task`` do the command line of the folder on every host that has a worker.

    Workers of one machine are one host; hosts of one machine take turns. One that leaves is waited
    for, and so are hosts until there are as many as ``hosts``: ``wait_s`` seconds in which nothing
    else is to be done. Once ``stop`` is set, or by an exception, what runs on the hosts is ended.
    """
    under_way = _Run(folder, cluster, task, names, on_move)
    waited_since: float | None = None
    try:
        while not (stop and stop.is_set()):
            under_way.step()
            members = under_way.members
            if under_way.running or any(each.can_run for each in members):
                waited_since = None
                continue
            lacking = len(members) < hosts or any(each.host.state == LEFT for each in members)
            waited_since = waited_since or time.monotonic()
            if not lacking or time.monotonic() - waited_since > wait_s:
                return
    finally:
        under_way.stop()

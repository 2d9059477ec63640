"""What a fleet has collected: a folder with a recorded run of each host, and a list of the hosts.

``fleet.json`` says what was asked for, and of each host how it ended. Beside it lie ``NAME.json``,
the recorded run of a host, and until that host is done ``NAME.rows``: what it is and its rows, a
JSON line each, on disk before the next one is waited for.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from prefault_kit.host.identity import Identity
from prefault_kit.measure import plain, saved

FORMAT = "prefault-kit fleet/1"
LIST = "fleet.json"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
REFUSED, DIED, LEFT = "refused", "died", "left"
STATES = (WAITING, RUNNING, DONE, FAILED, REFUSED, DIED, LEFT)
"""``failed`` has all its rows, and what they show fails the command; of ``refused``, ``died`` and
``left`` the message says why."""
OVER = (DONE, FAILED)
"""States of hosts that have been asked for everything."""
MOST_ROWS = 10_000
"""Of a host; a recorded run has no more."""
MOST_BYTES = 16 << 20
"""Of the rows of a host."""

Facts = Mapping[str, Any]
Row = Mapping[str, Any]


class NotCollectedError(OSError):
    """A file of the folder cannot be written."""


@dataclass(frozen=True)
class Job:
    """What every host is asked for, and what its answer has to be."""

    words: tuple[str, ...]
    """The command line."""
    check: Callable[[Facts, Row], tuple[Facts, Row]]
    """The facts of a host and a row of it, as they are kept; ValueError, in part of a sentence, for
    what cannot be."""
    record: Callable[[Facts, Sequence[Row]], dict[str, Any]]
    """The recorded run that rows make, as JSON; ValueError likewise."""
    summary: Callable[[Sequence[Row]], str]
    """What the rows of a host say in a few words."""


@dataclass
class Host:
    """One host of a fleet. It has a number for a name; its own is known only if that was asked."""

    name: str
    boot: str = ""
    """Digests of :class:`Identity`; empty of a host that could not be asked."""
    machine: str = ""
    state: str = WAITING
    message: str | None = None
    hostname: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    """Rows that are collected."""

    def is_same(self, other: Identity) -> bool:
        """Whether it runs since the same boot."""
        return bool(self.boot) and self.boot == other.boot

    def may_be(self, other: Identity) -> bool:
        """Whether it may be the same machine after another boot."""
        return bool(self.machine) and self.machine == other.machine


@dataclass(frozen=True)
class _Listed:
    """A host in the list; of another type than :class:`Host` for its facts, which are checked."""

    name: str
    boot: str
    machine: str
    state: str
    message: str | None
    hostname: str | None
    facts: Mapping[str, object]
    count: int


@dataclass(frozen=True)
class _List:
    format: str
    words: tuple[str, ...]
    key: str
    hosts: tuple[_Listed, ...]


@dataclass(frozen=True)
class Fleet:
    """What a folder holds."""

    words: tuple[str, ...]
    hosts: tuple[Host, ...]


def read(path: str | os.PathLike[str]) -> Fleet:
    """Read the list of a folder; ValueError in a sentence if it is none."""
    found = _read_list(Path(path))
    return Fleet(found.words, _hosts(found))


def _read_list(place: Path) -> _List:
    path = place / LIST
    try:
        data = saved.from_json(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"{place} has no {LIST}: name the folder of a fleet") from None
    except ValueError:
        raise ValueError(f"{path} is damaged: name another folder") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is not of this kit, or of another version: name another folder")
    found = plain.read(_List, data, str(path))
    names = [each.name for each in found.hosts]
    wrong = [each for each in names if not _is_own_name(each)]
    wrong += [each.state for each in found.hosts if each.state not in STATES]
    if wrong or len(set(names)) < len(names):
        raise ValueError(
            f"{path} is damaged: it has hosts that no fleet names: name another folder"
        )
    return found


def _is_own_name(name: str) -> bool:
    """Whether it is one of :meth:`Folder.new_host`: it becomes the name of a file."""
    head, _, number = name.partition("-")
    return head == "host" and number.isascii() and number.isdigit() and len(number) < 8


def _hosts(found: _List) -> tuple[Host, ...]:
    return tuple(Host(**(vars(each) | {"facts": dict(each.facts)})) for each in found.hosts)


class Folder:
    """The folder of a fleet that is under way. Make one by :meth:`begin` or :meth:`resume`."""

    def __init__(self, place: Path, job: Job, key: str) -> None:
        self.place = place
        self.job = job
        self.key = key
        """Of the digests, so that those of two fleets cannot be held against each other."""
        self.hosts: list[Host] = []
        self._rows: dict[str, list[Row]] = {}
        self._bytes: dict[str, int] = {}
        self._fd = -1

    @classmethod
    def begin(cls, place: Path, job: Job) -> Self:
        """Make the folder, or take an empty one; ValueError in a sentence, OSError as it comes."""
        made = cls(place, job, secrets.token_hex(16))
        with suppress(FileExistsError):
            place.mkdir()
        made._lock()
        if any(place.iterdir()):
            made.close()
            raise ValueError(f"{place} is not empty: continue it with --resume, or name another")
        made.save()
        return made

    @classmethod
    def resume(cls, place: Path, job: Job) -> Self:
        """Take up a folder; hosts that are done stay as they are.

        ValueError in a sentence if it is none, is damaged, or was begun with another command line.
        """
        if not (place / LIST).exists():
            return cls.begin(place, job)
        found = _read_list(place)
        if found.words != job.words:
            words = " ".join(found.words)
            raise ValueError(f"{place} was begun with {words!r}: continue it so, or name another")
        made = cls(place, job, found.key)
        made._lock()
        try:
            made._take_up(_hosts(found))
        except BaseException:
            made.close()
            raise
        return made

    def _lock(self) -> None:
        try:
            self._fd = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except NotADirectoryError:
            raise ValueError(f"{self.place} is not a directory: name another") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ValueError(
                f"another process collects into {self.place}: wait for it, or name another"
            ) from None

    def _take_up(self, hosts: Sequence[Host]) -> None:
        for host in hosts:
            if host.state not in OVER:
                facts, rows = self._journalled(host)
                if not rows:
                    self._journal(host).unlink(missing_ok=True)
                    continue  # it is as if it had never been there
                host.facts, host.count = dict(facts), len(rows)
                self._rows[host.name] = rows
                if host.state in (WAITING, RUNNING):
                    host.state, host.message = LEFT, "the fleet was stopped"
            self.hosts.append(host)

    def _journalled(self, host: Host) -> tuple[Facts, list[Row]]:
        """What is kept of a host; a last line that was cut short is taken away."""
        path = self._journal(host)
        if not path.exists():
            return {}, []
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        facts: Facts = {}
        rows: list[Row] = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = saved.from_json(line)
                if not isinstance(entry, dict) or set(entry) != {"host", "row"}:
                    raise ValueError("it is not an object of a host and a row")
                facts, row = self.job.check(entry["host"], entry["row"])
                rows.append(row)
            except ValueError as error:
                raise ValueError(
                    f"{path} is damaged in line {number} ({error}): delete that line"
                ) from None
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        self._bytes[host.name] = len(whole)
        return facts, rows

    def _journal(self, host: Host) -> Path:
        return self.place / f"{host.name}.rows"

    def record_of(self, host: Host) -> Path:
        """Where the recorded run of a host is, or will be."""
        return self.place / f"{host.name}.json"

    def rows(self, host: Host) -> Sequence[Row]:
        """What is collected of a host that is not done."""
        return self._rows.get(host.name, ())

    def new_host(self, found: Identity | None = None) -> Host:
        """Add a host, by the next free number."""
        taken = {each.name for each in self.hosts}
        number = next(at for at in range(1, len(taken) + 2) if f"host-{at}" not in taken)
        known = (found.boot, found.machine) if found else ("", "")
        host = Host(f"host-{number}", *known)
        self.hosts.append(host)
        return host

    def add(self, host: Host, facts: Facts, row: Row) -> None:
        """Keep a row; it is on disk when this returns.

        ValueError in part of a sentence if it cannot be; NotCollectedError if it cannot be written.
        """
        known, kept = self.job.check(facts, row)
        line = json.dumps({"host": dict(known), "row": kept}, allow_nan=False).encode() + b"\n"
        size = self._bytes.get(host.name, 0) + len(line)
        if size > MOST_BYTES or host.count >= MOST_ROWS:
            raise ValueError(f"there are more than {MOST_ROWS} rows, or {MOST_BYTES >> 20} MiB")
        path = self._journal(host)
        with saved.naming(path, NotCollectedError), path.open("ab") as out:
            out.write(line)
            out.flush()
            os.fsync(out.fileno())
        self._bytes[host.name] = size
        self._rows.setdefault(host.name, []).append(kept)
        host.facts, host.count = dict(known), host.count + 1

    def restart(self, host: Host) -> None:
        """Let go of what was collected of a host that has changed since."""
        path = self._journal(host)
        with saved.naming(path, NotCollectedError):
            path.unlink(missing_ok=True)
        self._rows.pop(host.name, None)
        self._bytes.pop(host.name, None)
        host.facts, host.count = {}, 0

    def save(self) -> None:
        """Write the list of hosts."""
        data = _List(
            FORMAT, self.job.words, self.key, tuple(_Listed(**vars(h)) for h in self.hosts)
        )
        path = self.place / LIST
        with saved.naming(path, NotCollectedError):
            saved.write_json(path, asdict(data))

    def record(self, host: Host) -> None:
        """Write the recorded run of what is there of a host; once it is done its rows are in it.

        ValueError in part of a sentence if they make none.
        """
        rows = self.rows(host)
        if not rows:
            return
        data = self.job.record(host.facts, rows)
        path = self.record_of(host)
        with saved.naming(path, NotCollectedError):
            saved.write_json(path, data)
            if host.state in OVER:
                self._journal(host).unlink()

    def close(self) -> None:
        """Let another process have the folder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

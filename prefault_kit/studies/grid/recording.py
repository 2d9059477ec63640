"""The files of a grid under way, such that a kill at any moment loses one repetition at most.

Beside ``NAME.csv``, the finished rows, lie ``NAME.host.json`` (what was asked for, and of which
host) and, until all is done, ``NAME.part``: every repetition of the cells under way, a JSON line
each.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit.measure import saved
from prefault_kit.measure.result import Result, is_count, is_time
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.studies.grid import table_file

SAME_HOST = ("kernel", "machine", "cpu", "page_size_bytes")
"""Facts of the host in which two halves of one table must agree."""


class Recording:
    """A grid being recorded. Make one by :meth:`begin` or :meth:`resume`; close it.

    ``plan`` is a JSON object: what was asked for. All ValueErrors are one sentence.
    """

    def __init__(self, table: Path, plan: dict[str, Any], host: dict[str, Any]) -> None:
        if table.suffix != ".csv":
            raise ValueError(f"the table is a .csv file, not {str(table)!r}")
        if not table.parent.is_dir():
            raise ValueError(f"{table.parent} is not a directory: make it, or name another file")
        self.table = table
        self.host_file = table.with_suffix(".host.json")
        self.journal = table.with_suffix(".part")
        self.plan = plan
        self.host = host
        self.results: list[Result] = []
        self.warmups_ms: dict[int, float] = {}
        self.timings_ms: dict[int, list[float]] = {}
        self._fd = -1

    @classmethod
    def begin(cls, table: Path, plan: dict[str, Any], host: dict[str, Any]) -> Self:
        """Begin a new table. ValueError if one of its files is there; OSError as open(2) says."""
        made = cls(table, plan, host)
        for path in (made.table, made.host_file, made.journal):
            if path.exists():
                raise ValueError(
                    f"{path} exists already: continue it with --resume, or name another file"
                )
        made._write_host()
        try:
            made._lock()
            table_file.create(table)
        except OSError:  # a full disk, say: leave nothing half begun
            made.close()
            for path in (made.table, made.host_file, made.journal):
                path.unlink(missing_ok=True)
            raise
        return made

    @classmethod
    def resume(cls, table: Path, plan: dict[str, Any], host: dict[str, Any]) -> Self:
        """Continue a table, or begin it if it is not there.

        ValueError if it is not ours, or of another version, plan or host.
        """
        made = cls(table, plan, host)
        if _empty(made.host_file):  # killed before it began, if no row says otherwise
            if not _empty(table) and table_file.read(table):
                raise ValueError(
                    f"{made.host_file} is missing, which says what {table.name} was recorded "
                    "with: name another file"
                )
            made.host_file.unlink(missing_ok=True)
            made._write_host()
        made._check(saved.read_json(made.host_file, "the host file of a table"))
        if _empty(table):
            table.unlink(missing_ok=True)
            table_file.create(table)
        made.results = table_file.read(table)
        made._lock()
        try:
            _cut(table, table.read_bytes().rfind(b"\n") + 1)
            made._read_journal()
        except BaseException:
            made.close()
            raise
        return made

    def _write_host(self) -> None:
        data = {"schema": SCHEMA, "plan": self.plan, "host": self.host}
        out = self.host_file.open("x", encoding="utf-8")
        try:
            with out:
                out.write(json.dumps(data, indent=1) + "\n")
        except OSError:
            self.host_file.unlink()
            raise

    def _check(self, begun: dict[str, Any]) -> None:
        """ValueError unless what is there was begun with the same plan on the same host."""
        for part, now, names in (
            ("plan", self.plan, tuple(self.plan)),
            ("host", self.host, SAME_HOST),
        ):
            before = begun.get(part)
            if not isinstance(before, dict):
                raise ValueError(f"{self.host_file} does not belong to a table of this kit")
            for name in names:
                if before.get(name) != now[name]:
                    raise ValueError(
                        f"{self.table} was recorded with {name} {before.get(name)!r}, not "
                        f"{now[name]!r}: continue it as it was begun, or name another file"
                    )

    def _lock(self) -> None:
        """Open the journal for this process alone."""
        self._fd = os.open(self.journal, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ValueError(
                f"another process is recording {self.table}: wait for it, or name another file"
            ) from None

    def _read_journal(self) -> None:
        """Take up the repetitions that are there; a line cut short by a kill is cut off."""
        good = 0
        with self.journal.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._take(*_entry(line))
                except ValueError as error:
                    if number == 1 and b'"cell"' not in line:
                        raise ValueError(
                            f"{self.journal} is not a journal of this kit: name another file"
                        ) from None
                    raise ValueError(
                        f"{self.journal} is damaged in line {number} ({error}): delete that line"
                    ) from None
                good += len(line)
        _cut(self.journal, good)

    def _take(self, cell: int, repetition: int, elapsed_ms: float) -> None:
        """Keep a repetition; ValueError unless it is the next of its cell."""
        timings_ms = self.timings_ms.get(cell, [])
        if repetition == 0 and cell not in self.warmups_ms:
            self.warmups_ms[cell] = elapsed_ms
        elif repetition == len(timings_ms) + 1:
            self.timings_ms[cell] = [*timings_ms, elapsed_ms]
        else:
            raise ValueError(f"repetition {repetition} of a cell is there twice, or comes too soon")

    def note(self, cell: int, elapsed_ms: float, *, warm_up: bool = False) -> None:
        """Keep one repetition of a cell under way; of its warm-ups, the first.

        Written at once, which is enough for a kill; the disk is not waited for, since that would
        disturb what is measured.
        """
        if warm_up and cell in self.warmups_ms:
            return
        repetition = 0 if warm_up else len(self.timings_ms.get(cell, ())) + 1
        self._take(cell, repetition, elapsed_ms)
        entry = {"cell": cell, "repetition": repetition, "elapsed_ms": elapsed_ms}
        os.write(self._fd, json.dumps(entry).encode() + b"\n")

    def finish(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add the rows of finished cells to the table, and empty the journal."""
        table_file.append(self.table, rows)
        os.ftruncate(self._fd, 0)
        self.warmups_ms.clear()
        self.timings_ms.clear()

    def complete(self) -> None:
        """All is done: remove the journal."""
        self.journal.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the files go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _entry(line: bytes) -> tuple[int, int, float]:
    """Cell, repetition and milliseconds of a line of the journal; ValueError if it has others."""
    entry = saved.from_json(line)
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    for name, check in (("cell", is_count), ("repetition", is_count), ("elapsed_ms", is_time)):
        if not check(entry.get(name)):
            raise ValueError(f"{name} is {entry.get(name)!r}"[:80])
    return entry["cell"], entry["repetition"], entry["elapsed_ms"]


def _empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _cut(path: Path, size_bytes: int) -> None:
    if path.stat().st_size > size_bytes:
        os.truncate(path, size_bytes)

"""The files of a grid under way, such that a kill at any moment loses one repetition at most.

Beside ``NAME.csv``, the finished rows, lie ``NAME.host.json`` (what was asked for, and of which
host) and, until all is done, ``NAME.part``: every repetition of the cells under way, a JSON line
each.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit.measure import running, saved
from prefault_kit.measure.result import Result, is_count, is_time
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.cells import Grid

SAME_HOST = ("kernel", "machine", "cpu", "page_size_bytes")
"""Facts of the host in which two halves of one table must agree."""


class NotRecordedError(OSError):
    """The table, or a file beside it, cannot be written."""


class Recording:
    """A grid being recorded. Make one by :meth:`begin` or :meth:`resume`; close it.

    ``plan`` is what was asked for, by :meth:`Grid.plan`. All ValueErrors are one sentence.
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
        if found := [path for path in made._files() if os.path.lexists(path)]:
            raise _taken(found[0])
        with made._locked():
            if found := [path for path in (table, made.host_file) if os.path.lexists(path)]:
                raise _taken(found[0])  # by another process, just now
            try:
                made._write_host()
                table_file.create(table)
            except OSError:  # a full disk, say: leave nothing half begun
                for path in (made.table, made.host_file):
                    path.unlink(missing_ok=True)
                raise
        return made

    @classmethod
    def resume(cls, table: Path, plan: dict[str, Any], host: dict[str, Any]) -> Self:
        """Continue a table, or begin it if it is not there.

        ValueError if it is not ours, or of another version, plan or host.
        """
        made = cls(table, plan, host)
        for path in made._files():
            _check_regular(path)
        with made._locked():
            made._take_up()
        return made

    def _files(self) -> tuple[Path, ...]:
        return self.table, self.host_file, self.journal

    def _take_up(self) -> None:
        """Read what is there; nothing is changed before all of it has been checked."""
        if not (begins := _empty(self.host_file)):
            self._check(saved.read_json(self.host_file, "the host file of a table"))
        if not (bare := _empty(self.table)):
            self.results = table_file.read(self.table)
        if begins and self.results:  # else it was killed before it began
            raise ValueError(
                f"{self.host_file} is missing, which says what {self.table.name} was recorded "
                "with: name another file"
            )
        self._check_rows()
        good = self._read_journal()

        if begins:
            self.host_file.unlink(missing_ok=True)
            self._write_host()
        if bare:
            self.table.unlink(missing_ok=True)
            table_file.create(self.table)
        else:
            whole = self.table.read_bytes()
            if size_bytes := len(whole) - whole.rfind(b"\n") - 1:
                os.truncate(self.table, len(whole) - size_bytes)
        if os.fstat(self._fd).st_size > good:
            os.ftruncate(self._fd, good)

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

    def _check_rows(self) -> None:
        """ValueError unless each row is of a cell of the plan, and agrees with it and itself."""
        plan = self.plan
        grid = Grid(tuple(plan["sizes_bytes"]), plan["repeats"], plan["start"], tuple(plan["only"]))
        wanted = [Result.of(cell, "running", host=self.host) for cell in grid.cells()]
        cells = {table_file.key(each): each for each in wanted}
        for row in self.results:
            what = _contradiction(row, cells.get(table_file.key(row)))
            if what:
                raise ValueError(
                    f"{self.table} is damaged: its row of {row.sharing} {row.backing} "
                    f"{row.method} {what}: delete that row, or name another file"
                )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Open the journal for this process alone; if what follows fails, let it go as it was."""
        is_new = not os.path.lexists(self.journal)
        self._lock()
        try:
            yield
        except BaseException:
            if is_new:
                self.journal.unlink(missing_ok=True)
            self.close()
            raise

    def _lock(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self.journal, flags, 0o666)
        try:
            _check_regular(self.journal)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(self._fd), self.journal.lstat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        except BaseException:
            self.close()
            raise
        if not is_ours:
            self.close()
            raise ValueError(
                f"another process is recording {self.table}: wait for it, or name another file"
            )

    def _read_journal(self) -> int:
        """Take up the repetitions that are there; where the line begins that a kill cut short."""
        good = 0
        with open(self._fd, "rb", closefd=False) as lines:
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
        return good

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
        self._write({"cell": cell, "repetition": repetition, "elapsed_ms": elapsed_ms})

    def _write(self, entry: dict[str, Any]) -> None:
        with saved.naming(self.journal, NotRecordedError):
            os.write(self._fd, json.dumps(entry).encode() + b"\n")

    def finish(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add the rows of finished cells to the table, and empty the journal."""
        self._add(rows)
        self.warmups_ms.clear()
        self.timings_ms.clear()

    def _add(self, rows: Iterable[dict[str, Any]]) -> None:
        with saved.naming(self.table, NotRecordedError):
            table_file.append(self.table, rows)
        with saved.naming(self.journal, NotRecordedError):
            os.ftruncate(self._fd, 0)

    def complete(self) -> None:
        """All is done: remove the journal."""
        with saved.naming(self.journal, NotRecordedError):
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


class Unrecorded(Recording):
    """A grid that nobody records here: finished cells are told to who does, and no file is made."""

    def __init__(self, known: Sequence[Result], tell: Callable[[Result], object]) -> None:
        self.results = list(known)
        self.warmups_ms = {}
        self.timings_ms = {}
        self._tell = tell

    def _write(self, entry: dict[str, Any]) -> None:
        """A repetition is in nobody's table."""

    def _add(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self._tell(table_file.result(row))

    def complete(self) -> None:
        """There is no journal."""


def _entry(line: bytes) -> tuple[int, int, float]:
    """Cell, repetition and milliseconds of a line of the journal; ValueError if it has others."""
    entry = saved.from_json(line)
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    for name, check in (("cell", is_count), ("repetition", is_count), ("elapsed_ms", is_time)):
        if not check(entry.get(name)):
            raise ValueError(f"{name} is {entry.get(name)!r}"[:80])
    return entry["cell"], entry["repetition"], entry["elapsed_ms"]


def _contradiction(row: Result, cell: Result | None) -> str | None:
    """What of a row cannot be, as the plan has its cell and as its own figures are."""
    if cell is None:
        return f"of {row.size_bytes} bytes is not in the plan"
    for name in ("start", "threads", "repeats"):
        found, planned = getattr(row, name), getattr(cell, name)
        if found != planned:
            return f"has {name} {found!r}, not {planned!r} as planned"
    if row.outcome != "ok":
        return None
    if len(row.timings_ms) != row.repeats:
        return f"has {len(row.timings_ms)} timings, not {row.repeats}"
    timed = running.timed(row, row.timings_ms)
    for name in ("best_ms", "median_ms"):
        found, computed = getattr(row, name), getattr(timed, name)
        if found != computed:
            return f"has {name} {found!r}, where its timings give {computed!r}"
    return None


def _taken(path: Path) -> ValueError:
    return ValueError(f"{path} exists already: continue it with --resume, or name another file")


def _check_regular(path: Path) -> None:
    """ValueError for a link, a pipe, a device: they are not ours. Nothing at all is fine."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError(f"{path} is not a regular file: name another file")


def _empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0

"""The model of a process that is looked at, without widgets: which one, and what was seen of it.

:meth:`ProcessScreen.look` looks once. :meth:`ProcessScreen.watch` looks and then follows the
process, in a thread of its own, until :meth:`ProcessScreen.stop` or until the process ends.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import traitlets

from prefault_kit.kernel.faults import FaultBatch, FaultStream
from prefault_kit.memory.buffer import placed
from prefault_kit.screens.model import StatusModel
from prefault_kit.show import process_export
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.process import (
    Changes,
    NoAccess,
    Overview,
    PageMap,
    Process,
    candidates,
)
from prefault_kit.studies.process.changes import between

WINDOW_S = 10.0
"""How much of the past the stream of faults shows."""
BEAT_S = 0.25
LOOK_S = 2.0
"""How often the mappings of a process that is watched are looked at again, at most."""
CALM = 50
"""Looking again waits so many times as long as the process was held up by it: 2 % at most."""
MOST_POINTS = 2000
"""Faults that are drawn of the window; of more, evenly chosen ones."""


class Seen(NamedTuple):
    """A fault that is drawn."""

    time_s: float
    """On the clock of ``time.monotonic``."""
    address: int
    major: bool


class ProcessScreen(StatusModel):
    """One process at a time; every trait may be set and observed from a script."""

    choices = traitlets.Tuple(help="The processes that may be seen, the largest first.")
    pid = traitlets.Int(0, help="The process that is looked at; 0 for none yet.")
    address = traitlets.Int(0, help="Where the chosen mapping begins; 0 for none.")
    watching = traitlets.Bool(False)
    overview = traitlets.Instance(Overview, allow_none=True)
    changes = traitlets.Instance(Changes, allow_none=True, help="Since watching began, or None.")
    diagnoses = traitlets.Tuple()
    page_map = traitlets.Instance(PageMap, allow_none=True, help="Of the chosen mapping.")
    lost = traitlets.Int(0, help="Faults that the stream had no room for.")
    blind = traitlets.Unicode("", help="Why there is no stream of faults, or what it lacks.")

    def __init__(self, pid: int | None = None, **values: Any) -> None:
        self.faults: deque[Seen] = deque(maxlen=MOST_POINTS)
        """Those of the last :data:`WINDOW_S`, in the order of their time."""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        super().__init__(**values)
        self.refresh()
        self.observe(self._forget, names=["pid"])
        if pid is not None:
            self.pid = pid
            self.look()

    def refresh(self) -> None:
        """Find the processes anew."""
        self.choices = tuple(candidates.largest())

    def look(self) -> None:
        """Look at the process once."""
        if not self.pid:
            self._fail("Choose a process first.")
            return
        if self.watching:
            return
        with self._telling(), Process(self.pid) as process:
            self._take(process)

    def watch(self) -> None:
        """Look once, then follow the process in a thread until :meth:`stop`."""
        with self._lock:
            if self.watching:
                return
            if not self.pid:
                self._fail("Choose a process first.")
                return
            with self._telling(), contextlib.ExitStack() as opened:
                process = opened.enter_context(Process(self.pid))
                self._take(process)
                stream = opened.enter_context(_Stream(self.pid))
                self.blind = stream.blind
                self._stop.clear()
                self.watching = True  # from here on no fault is missed
                self._thread = threading.Thread(
                    target=self._follow,
                    args=(process, stream, opened.pop_all()),
                    name="watch",
                    daemon=True,
                )
                self._thread.start()

    def stop(self) -> None:
        """Stop following, and wait until nothing looks at the process any more."""
        thread = self._thread
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def choose(self, address: int) -> None:
        """Choose the mapping that has an address; its pages are looked at."""
        with self._lock:
            if self.overview is None:
                return
            self.address = self.overview.at(address).address
        if not self.watching:
            with self._telling(), Process(self.pid) as process:
                self._map(process)
                self.changed += 1

    def choose_memory(self, memory: Any) -> None:
        """Look at this process, and choose the mapping in which a buffer lies, or begins.

        Errors as of :func:`prefault_kit.memory.buffer.placed`.
        """
        with placed(memory) as place:
            self.pid = os.getpid()
            self.look()
            self.choose(place.address)

    def export(self, path: str | os.PathLike[str]) -> bool:
        """Write what is seen as an HTML page and JSON beside it; False if that fails, and status
        says why."""
        with self._lock:
            seen, found = self.overview, self.diagnoses
            if seen is None:
                self._fail("there is nothing to export yet: look at a process first")
                return False
            more: dict[str, Any] = {"changes": self.changes, "page_map": self.page_map}
            return self._exported(
                path, lambda target: process_export.save(target, seen, found, **more), ".json"
            )

    def close(self) -> None:
        """Stop following."""
        self.stop()

    def _forget(self, _: object) -> None:
        self.stop()
        self.faults.clear()
        self.address, self.lost, self.blind = 0, 0, ""
        self.overview = self.changes = self.page_map = None
        self.diagnoses = ()
        self.changed += 1

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong becomes the status."""
        try:
            yield
        except NoAccess as error:
            self._fail(error.missing.reason, error.missing.command)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._fail(f"{where}{error.strerror or error}")
        except ValueError as error:
            self._fail(str(error))

    def _follow(
        self, process: Process, stream: _Stream, opened: contextlib.ExitStack[bool | None]
    ) -> None:
        """Thread: look again and again, and take faults meanwhile; close what is open."""
        try:
            with opened, self._telling():
                self._keep_looking(process, stream)
        finally:
            self.watching = False
            self.changed += 1

    def _keep_looking(self, process: Process, stream: _Stream) -> None:
        first = self.overview
        looked = time.monotonic()
        while not self._stop.is_set():
            process.wait(BEAT_S)  # or it has ended
            self._add(stream.read())
            self.lost = stream.lost
            now = time.monotonic()
            if now - looked >= self.pause_s:
                self._take(process, first)
                looked = time.monotonic()
            self.changed += 1

    @property
    def pause_s(self) -> float:
        """How long after a look the next one comes."""
        held_s = self.overview.looking.elapsed_ns / 1e9 if self.overview else 0
        return max(LOOK_S, CALM * held_s)

    def _take(self, process: Process, first: Overview | None = None) -> None:
        """Look, and tell what there is; ``first`` is what it is compared with."""
        seen = process.overview()
        with self._lock:
            self.overview = seen
            self.changes = between(first, seen) if first else None
            self.diagnoses = process.diagnose(self.changes or seen)
            self._map(process)
        words = format_count(len(seen.mappings), "mapping")
        self._succeed(f"{words}, looked at in {format_ms(seen.elapsed_ms)}.")
        self.changed += 1

    def _map(self, process: Process) -> None:
        """Look at the pages of the chosen mapping, if it is there still."""
        self.page_map = None
        if self.overview and self.address:
            try:
                self.page_map = process.page_map(self.overview.at(self.address))
            except ValueError:  # it is gone
                self.address = 0

    def _add(self, batch: FaultBatch) -> None:
        """Take in new faults, and let go of those that are older than the window."""
        step = max(1, len(batch) // MOST_POINTS)
        found = zip(
            batch.time_ns[::step].tolist(),
            batch.address[::step].tolist(),
            batch.major[::step].tolist(),
            strict=True,
        )
        self.faults.extend(Seen(ns / 1e9, address, major) for ns, address, major in found)
        oldest = time.monotonic() - WINDOW_S
        while self.faults and self.faults[0].time_s < oldest:
            self.faults.popleft()


class _Stream:
    """The faults of a process; none, with the reason, where they may not be seen."""

    def __init__(self, pid: int) -> None:
        self.lost = 0
        self.blind = ""
        self._stream: FaultStream | None = None
        try:
            self._stream = FaultStream(pid)
        except OSError as error:
            self.blind = f"No stream of faults: {error.strerror or error}."
            return
        if not self._stream.kernel_included:
            self.blind = (
                "Faults that the kernel takes for the process, such as in read(2), are not among "
                "them: sudo sysctl kernel.perf_event_paranoid=1 shows them."
            )

    def read(self) -> FaultBatch:
        """What has come since the last reading."""
        if self._stream is None:
            return FaultBatch.of([])
        batch = self._stream.read()
        self.lost = self._stream.lost
        return batch

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

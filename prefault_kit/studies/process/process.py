"""A process of mine, or of root's choice, and all that can be asked of it from outside."""

from __future__ import annotations

import errno
import os
import time
from types import TracebackType
from typing import Self

from prefault_kit.host import features
from prefault_kit.kernel import mapped_file, syscalls
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.studies.process import access, changes, diagnosis, faults, page_map
from prefault_kit.studies.process import overview as overviews
from prefault_kit.studies.process.changes import Changes
from prefault_kit.studies.process.diagnosis import Diagnosis
from prefault_kit.studies.process.faults import Faults
from prefault_kit.studies.process.mapping import ProcessMapping
from prefault_kit.studies.process.overview import LONGEST_MS, Overview, Progress, nothing
from prefault_kit.studies.process.page_map import CELLS, PageMap

MOST_SECONDS = 24 * 3600.0
STEP_S = 0.1
"""How often a wait looks whether the process is still there."""
CHUNK_BYTES = 1 << 20


class Process:
    """A running process, by its id; the id of a thread leads to its process.

    Close it, or use it as a context: it holds descriptors, by which an id that is reused meanwhile
    is noticed. Reading takes ptrace access of the kind READ: the same user and no privileges, or
    root; :class:`NoAccess` (a PermissionError) says what is lacking and has the command that helps.
    ProcessLookupError where there is no such process, or no more. ValueError for what is no id.

    >>> import os
    >>> with Process(os.getpid()) as process:
    ...     code = process.overview().at(id(os))
    >>> code.resident_bytes > 0
    True
    """

    def __init__(self, pid: int) -> None:
        with access.in_words(pid):
            self._directory = ProcessDirectory(pid)
            if missing := access.foreign_proc():
                self._directory.close()
                raise access.NoAccess(missing)
        self.pid = self._directory.pid

    def overview(
        self,
        *,
        longest_ms: float = LONGEST_MS,
        files: bool = True,
        on_progress: Progress = nothing,
    ) -> Overview:
        """Every mapping now, the totals, and what looking cost.

        ``longest_ms`` is how long the process may be held up at a time (its mmap_lock is taken to
        read): what would take longer is left out and named in ``missing``. ``files=False`` asks
        nothing of the page cache. ``on_progress`` may raise, to stop.
        """
        if not 0 <= longest_ms <= 1e6:
            raise ValueError(f"longest_ms is 0 to 1000000 milliseconds, not {longest_ms!r}")
        with access.in_words(self.pid, self._directory):
            found = overviews.take(
                self._directory, longest_ms=longest_ms, files=files, on_progress=on_progress
            )
        self._still_there()  # or what it gave back in ending would look like its state
        return found

    def mappings(self) -> tuple[ProcessMapping, ...]:
        """Every mapping, ascending by address; see :meth:`overview`."""
        return self.overview().mappings

    def page_map(self, which: int | ProcessMapping, *, cells: int = CELLS) -> PageMap:
        """The pages of the mapping that has an address, each or in at most so many cells.

        ValueError where no mapping has it. At most 1,048,576 pages are told one by one.
        """
        mapping = which if isinstance(which, ProcessMapping) else self._at(which)
        with access.in_words(self.pid, self._directory):
            found = page_map.take(self._directory, mapping, cells=cells)
        self._still_there()  # or page tables that are gone would look empty
        return found

    def changes(
        self,
        since: Overview | None = None,
        *,
        seconds: float = 1.0,
        longest_ms: float = LONGEST_MS,
        on_progress: Progress = nothing,
    ) -> Changes:
        """What changed since an overview, or within so many seconds from now."""
        if since is None:
            since = self.overview(longest_ms=longest_ms)
            self.wait(seconds)
        return changes.between(since, self.overview(longest_ms=longest_ms, on_progress=on_progress))

    def totals(self) -> Overview:
        """What is open to all: an overview without mappings."""
        with access.in_words(self.pid, self._directory):
            return overviews.totals(self._directory)

    def diagnose(
        self, what: Overview | Changes | None = None, seen: Faults | None = None
    ) -> tuple[Diagnosis, ...]:
        """What is amiss, the worst first: empty where nothing is.

        Of an overview (a new one by default), or of changes, which tell more: what was reclaimed,
        protected again, and whether faults go on; with the faults that were seen meanwhile it
        says from where.
        """
        return diagnosis.of(what or self.overview(), seen)

    def wait(self, seconds: float) -> None:
        """Let it run; ProcessLookupError as soon as it ends."""
        self._check_seconds(seconds)
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._still_there()
            time.sleep(min(left, STEP_S))
        self._still_there()

    def faults(self, seconds: float, *, on_progress: Progress = nothing) -> Faults:
        """The page faults that its threads take in so many seconds, told apart by where.

        Each that is recorded takes the process a little longer. :class:`NoAccess` where this user
        or this host may not record them, with the command that helps.
        """
        self._check_seconds(seconds)
        with access.in_words(self.pid, self._directory):
            try:
                return faults.watch(
                    self._directory,
                    seconds,
                    still_there=self._still_there,
                    on_progress=on_progress,
                )
            except PermissionError as error:
                if missing := features.fault_events(error):
                    raise access.NoAccess(missing) from error
                raise

    def advise(self, which: int | ProcessMapping, advice: str) -> None:
        """Give the kernel an advice for one of its mappings: it changes what is in memory.

        ``MADV_WILLNEED`` (starts reading the file), ``MADV_COLD``, ``MADV_PAGEOUT`` or
        ``MADV_COLLAPSE``; OSError EINVAL where the kernel takes that from the process itself alone.
        """
        if advice not in FROM_OUTSIDE:
            raise ValueError(f"from outside there is {', '.join(FROM_OUTSIDE)}, not {advice!r}")
        mapping = which if isinstance(which, ProcessMapping) else self._at(which)
        with access.in_words(self.pid, self._directory):
            try:
                syscalls.advise_process(
                    self._directory.pidfd, mapping.address, mapping.size_bytes, advice
                )
            except PermissionError as error:  # the right to look does not suffice
                raise access.NoAccess(access.no_advising(self.pid)) from error

    def read_file(self, which: int | ProcessMapping, *, on_progress: Progress = nothing) -> int:
        """Read what a mapping maps of its file into the page cache; how many bytes were read.

        The process is not touched: its next faults there find the pages. OSError EINVAL where the
        mapping has no regular file.
        """
        mapping = which if isinstance(which, ProcessMapping) else self._at(which)
        head = mapping.head
        if not head.has_file:
            raise OSError(errno.EINVAL, "the mapping has no regular file")
        done = 0
        with (
            access.in_words(self.pid, self._directory),
            mapped_file.opened(self._directory, head) as fd,
        ):
            while done < mapping.size_bytes:
                size = min(CHUNK_BYTES, mapping.size_bytes - done)
                got = len(os.pread(fd, size, head.offset + done))
                if not got:
                    break
                done += got
                on_progress(done / mapping.size_bytes, "reading the file")
        return done

    @staticmethod
    def _check_seconds(seconds: float) -> None:
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError(f"seconds are more than 0 and at most 86400, not {seconds!r}")

    def _at(self, address: int) -> ProcessMapping:
        return self.overview(files=False, longest_ms=0).at(address)

    def _still_there(self) -> None:
        if self._directory.ended():
            raise access.ended(self.pid)

    def close(self) -> None:
        """Give the descriptors back."""
        self._directory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


FROM_OUTSIDE = ("MADV_WILLNEED", "MADV_COLD", "MADV_PAGEOUT", "MADV_COLLAPSE")
"""What process_madvise(2) takes for another process."""

"""One process loads a file of weights, and uses them: once from the first to the last, and again.

To use is to read a byte of each page, in the order of the file: what a first token does with the
weights of a dense model. Only operations are timed, each in C.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from prefault_kit.kernel import page_cache, timed
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import steps
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.weights import tensors
from prefault_kit.studies.weights.tensors import Span
from prefault_kit.studies.weights.ways import DIRECT, MAPPED, Way

OK = "ok"


@dataclass(frozen=True)
class Load:
    """What one process took, and what it then has. Times are in milliseconds from the beginning.

    ``ended`` is ``ok``, an errno's name, or the signal that killed the process; then the rest is
    that of nothing done. What it has is what it had when it had used all of them once.
    """

    ended: str = OK
    first_ms: float = 0.0
    """Until the first tensor had been used."""
    last_ms: float = 0.0
    """Until the last one had."""
    again_ms: float = 0.0
    """What using all of them once more took, by itself."""
    load_minor: int = 0
    load_major: int = 0
    """Faults of bringing in: populating, and reading into memory."""
    use_minor: int = 0
    use_major: int = 0
    """Faults of using, the first time."""
    again_minor: int = 0
    again_major: int = 0
    rss: int = 0
    """Bytes of the weights that are mapped in this process (smaps)."""
    pss: int = 0
    anonymous: int = 0
    """Bytes of these that are its own, not the file's pages."""
    anon_huge: int = 0
    cached: int | None = None
    """Bytes of the file in the page cache; None where the kernel cannot count them."""

    @property
    def mapped(self) -> int:
        """Bytes of the page cache that are mapped in this process."""
        return max(0, self.rss - self.anonymous)

    def as_dict(self) -> dict[str, Any]:
        """All fields, JSON-able."""
        return asdict(self)


class _Marks:
    """What it took so far: to bring in, and to use; and when the first tensor had been used."""

    def __init__(self) -> None:
        self.bringing, self.using = Work(), Work()
        self.first_ms = 0.0

    @property
    def now_ms(self) -> float:
        return self.bringing.elapsed_ms + self.using.elapsed_ms

    def used(self, work: Work, *, first: bool) -> None:
        self.using += work
        if first:
            self.first_ms = self.now_ms


def load(
    way: Way,
    fd: int,
    spans: Sequence[Span],
    *,
    window_bytes: int,
    threads: int,
    tell: Callable[[Load], None],
) -> None:
    """Load by a way and use ``spans``, in whole pages of the file; ``tell`` what it took, while the
    weights are there.

    An operation that fails is told by its errno.
    """
    size_bytes = tensors.whole_pages(os.fstat(fd).st_size)
    try:
        with _memory(way, fd, size_bytes) as (memory, source):
            marks = _Marks()
            for step in way.steps:
                marks.bringing += steps.do(memory, step, threads if way.threads else 1)
            if way.in_windows:
                _use_in_windows(way, memory, spans, window_bytes, marks)
            else:
                _use(way, memory, source, spans, marks)
            found = _told(memory, fd, marks)
            again = Work()
            for each in spans:
                again += memory.touch_read(*each, interruptible=False)
            tell(
                replace(
                    found,
                    again_ms=again.elapsed_ms,
                    again_minor=again.minor_faults,
                    again_major=again.major_faults,
                )
            )
    except OSError as error:
        tell(Load(ERRNO_NAMES.get(error.errno or 0, "?")))


@contextmanager
def _memory(way: Way, fd: int, size_bytes: int) -> Iterator[tuple[Mapping, int]]:
    """Where the weights are used, and the descriptor that they are read from."""
    if way.into == MAPPED:
        place = Backing.file(os.curdir)  # its descriptor is given, so the directory is not used
        with Mapping(place, size_bytes, "shared", fd=fd, thp=None, writable=False) as memory:
            yield memory, fd
        return
    source = fd
    if way.into == DIRECT:
        source = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    try:
        with Mapping(Backing.anon(), size_bytes, thp=way.thp) as memory:
            yield memory, source
    finally:
        if source != fd:
            os.close(source)


def _use(way: Way, memory: Mapping, source: int, spans: Sequence[Span], marks: _Marks) -> None:
    """Tensor by tensor: bring it in where that is not done, and use it."""
    for number, each in enumerate(spans):
        address, length = memory.span(*each)
        if way.copies:
            marks.bringing += timed.read_timed(source, address, length, each.offset)
        elif way.by_tensor:
            marks.bringing += memory.populate_read(*each, interruptible=False)
        marks.used(memory.touch_read(*each, interruptible=False), first=number == 0)


def _use_in_windows(
    way: Way, memory: Mapping, spans: Sequence[Span], window_bytes: int, marks: _Marks
) -> None:
    """Window by window: populate it, use it, and let it go if so wished."""
    first_end = spans[0].end
    for each in tensors.windows(list(spans), window_bytes):
        before = each.offset < first_end
        marks.bringing += memory.populate_read(*each, interruptible=False)
        marks.used(memory.touch_read(*each, interruptible=False), first=before)
        if way.let_go:
            marks.bringing += memory.advise("MADV_DONTNEED", *each)


def _told(memory: Mapping, fd: int, marks: _Marks) -> Load:
    usage = memory.usage()
    cached = page_cache.of(fd, address=memory.address, length=0).cached
    return Load(
        first_ms=marks.first_ms,
        last_ms=marks.now_ms,
        load_minor=marks.bringing.minor_faults,
        load_major=marks.bringing.major_faults,
        use_minor=marks.using.minor_faults,
        use_major=marks.using.major_faults,
        rss=usage.rss or 0,
        pss=usage.pss or 0,
        anonymous=usage.anonymous or 0,
        anon_huge=usage.anon_huge or 0,
        cached=None if cached is None else cached * PAGE_SIZE_BYTES,
    )

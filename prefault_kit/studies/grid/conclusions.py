"""What the cover letter concludes from its table, and whether a measured grid agrees.

A sentence compares two methods on several kinds of memory. Of a run of the grid each ratio is of
medians, with its confidence interval; the minimum, which was published, has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prefault_kit.measure import intervals
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid.published import HUGE_BYTES, published_ms

Memory = tuple[str, str, int]
"""Sharing, kind of backing, page size in bytes."""
SMALL, HUGE = 4096, HUGE_BYTES
"""Page sizes of the published table."""

PRIVATE = tuple(("private", kind, SMALL) for kind in ("anon", "memfd", "tmpfs", "file"))
SHARED_IN_MEMORY = tuple(("shared", kind, SMALL) for kind in ("memfd", "tmpfs"))
SHARED_FILE = ("shared", "file", SMALL)
SHARED = (("shared", "anon", SMALL), *SHARED_IN_MEMORY, SHARED_FILE)
HUGE_PAGES = (
    ("private", "memfd", HUGE),
    ("private", "hugetlbfs", HUGE),
    ("shared", "anon", HUGE),
    ("shared", "memfd", HUGE),
    ("shared", "hugetlbfs", HUGE),
)

AGREES, DISAGREES, NOISE = "agrees", "disagrees", "no difference beyond noise"


@dataclass(frozen=True)
class Sentence:
    """One conclusion: on each memory, the time of ``method`` over that of ``other``."""

    id: str
    source: str
    text: str
    method: str
    other: str
    memories: tuple[Memory, ...]
    low: float = 0.0
    high: float = 1.0
    """Between which the ratio lies if the sentence is true."""

    def verdict(self, low: float, high: float) -> str:
        """Of a ratio that lies between ``low`` and ``high``."""
        if self.low <= low and high <= self.high:
            return AGREES
        return DISAGREES if high < self.low or low > self.high else NOISE


ABOUT_HALF = {"low": 0.4, "high": 0.6}
NO_DIFFERENCE = {"low": 0.95, "high": 1.05}

SENTENCES = (
    Sentence(
        "populate-read",
        "V.1, V.2",
        "POPULATE_READ is faster than reading each page",
        "POPULATE_READ",
        "Read",
        (*PRIVATE, *SHARED),
    ),
    Sentence(
        "populate-write",
        "V.1, V.2",
        "POPULATE_WRITE is faster than writing each page",
        "POPULATE_WRITE",
        "Write",
        (*PRIVATE, *SHARED),
    ),
    Sentence(
        "populate-read-write",
        "V.2",
        "POPULATE_WRITE is faster than reading and writing each page",
        "POPULATE_WRITE",
        "Read/Write",
        (*PRIVATE, *SHARED),
    ),
    Sentence(
        "zero-page-half",
        "V.1; the debate",
        "POPULATE_READ about halves the time of mapping the zero page",
        "POPULATE_READ",
        "Read",
        (("private", "anon", SMALL),),
        **ABOUT_HALF,
    ),
    Sentence(
        "fallocate-fastest",
        "V.2",
        "of shared memory with a file, FALLOCATE alone is fastest (and maps nothing)",
        "FALLOCATE",
        "POPULATE_WRITE",
        (*SHARED_IN_MEMORY, SHARED_FILE),
    ),
    Sentence(
        "fallocate-then-write",
        "V.2",
        "to allocate and to map, FALLOCATE+POPULATE_WRITE is faster than POPULATE_WRITE",
        "FALLOCATE+POPULATE_WRITE",
        "POPULATE_WRITE",
        SHARED_IN_MEMORY,
    ),
    Sentence(
        "files-then-read",
        "V.2",
        "of actual files FALLOCATE+POPULATE_READ is the faster one",
        "FALLOCATE+POPULATE_READ",
        "FALLOCATE+POPULATE_WRITE",
        (SHARED_FILE,),
    ),
    Sentence(
        "files-touching",
        "V.2",
        "of actual files FALLOCATE+Read is slightly faster than FALLOCATE+POPULATE_READ",
        "FALLOCATE+Read",
        "FALLOCATE+POPULATE_READ",
        (SHARED_FILE,),
    ),
    Sentence(
        "huge-pages",
        "V",
        "of huge pages the method makes no difference worth naming",
        "POPULATE_WRITE",
        "Write",
        HUGE_PAGES,
        **NO_DIFFERENCE,
    ),
)
"""Every sentence that the cover letter draws from its table, in words of our own."""


@dataclass(frozen=True)
class Judged:
    """A sentence on one kind of memory: the ratio, between which it lies, and the verdict."""

    ratio: float
    low: float
    high: float
    verdict: str


def published(sentence: Sentence, memory: Memory, size_bytes: int) -> Judged | None:
    """By the published figures, which are single and so have no interval."""
    sharing, kind, page = memory
    figures = [
        published_ms(kind, page, sharing, method, size_bytes)
        for method in (sentence.method, sentence.other)
    ]
    if None in figures or not figures[1]:
        return None
    ratio = float(figures[0] or 0) / figures[1]
    return Judged(ratio, ratio, ratio, sentence.verdict(ratio, ratio))


def measured(
    sentence: Sentence, memory: Memory, size_bytes: int, results: Iterable[Result]
) -> Judged | None:
    """By the repetitions of a grid's results; None where it lacks one of the methods."""
    timings = {
        result.method: tuple(result.timings_ms)
        for result in results
        if (result.sharing, result.backing, result.page_size_bytes) == memory
        and result.size_bytes == size_bytes
        and result.outcome == "ok"
    }
    one, other = timings.get(sentence.method), timings.get(sentence.other)
    if not one or not other:
        return None
    found = intervals.of_medians(one, other)
    verdict = sentence.verdict(found.low, found.high)
    return Judged(found.ratio, found.low, found.high, verdict)


def name(memory: Memory) -> str:
    """``shared memfd``, and the page size where it is a huge one."""
    sharing, kind, page = memory
    return f"{sharing} {kind}" + (f" {format_bytes(page)}" if page != SMALL else "")


@dataclass(frozen=True)
class Judgement:
    """One sentence by the published figures and by grids: judged by column, then by memory."""

    sentence: Sentence
    columns: Mapping[str, Mapping[Memory, Judged | None]]


def judge(
    sentence: Sentence, sizes_bytes: Sequence[int], grids: Mapping[str, Sequence[Result]]
) -> Judgement:
    """A sentence by the published figures and by each grid, at each size."""
    columns: dict[str, Mapping[Memory, Judged | None]] = {}
    for size in sizes_bytes:
        said = format_bytes(size)
        columns[f"published {said}"] = {
            memory: published(sentence, memory, size) for memory in sentence.memories
        }
        for title, results in grids.items():
            columns[f"{title} {said}"] = {
                memory: measured(sentence, memory, size, results) for memory in sentence.memories
            }
    return Judgement(sentence, columns)

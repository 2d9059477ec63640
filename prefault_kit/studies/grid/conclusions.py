"""What the cover letter concludes from its table, and whether a measured grid agrees.

A claim compares two methods on several kinds of memory. In a run of the grid each ratio is one of
medians, with its confidence interval; the published figure is a minimum and has none.

The published machine had pages of 4 KiB. On a machine with other pages the cells of its own pages
stand beside the published ones: a ratio of two methods compares, a time does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prefault_kit.measure import intervals
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid.published import HUGE_BYTES, published_ms

Memory = tuple[str, str, int]
"""Sharing, kind of backing, page size in bytes, as in the published table."""
SMALL, HUGE = 4096, HUGE_BYTES
"""Page sizes of the published table."""
LARGEST_BASE_PAGE = 256 << 10
"""No kernel has larger pages that are not huge."""

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

AGREES, DISAGREES, NOISE = "agrees", "disagrees", "within noise"


@dataclass(frozen=True)
class Claim:
    """One conclusion: on each memory, the time of ``method`` over that of ``other``."""

    id: str
    source: str
    text: str
    method: str
    other: str
    memories: tuple[Memory, ...]
    low: float = 0.0
    high: float = 1.0
    """Between which the ratio lies if the claim holds."""

    def verdict(self, low: float, high: float) -> str:
        """Of a ratio that lies between ``low`` and ``high``."""
        if self.low <= low and high <= self.high:
            return AGREES
        return DISAGREES if high < self.low or low > self.high else NOISE


ABOUT_HALF = {"low": 0.4, "high": 0.6}
NO_DIFFERENCE = {"low": 0.95, "high": 1.05}

CLAIMS = (
    Claim(
        "populate-read",
        "V.1, V.2",
        "POPULATE_READ is faster than reading each page",
        "POPULATE_READ",
        "Read",
        (*PRIVATE, *SHARED),
    ),
    Claim(
        "populate-write",
        "V.1, V.2",
        "POPULATE_WRITE is faster than writing each page",
        "POPULATE_WRITE",
        "Write",
        (*PRIVATE, *SHARED),
    ),
    Claim(
        "populate-read-write",
        "V.2",
        "POPULATE_WRITE is faster than reading and writing each page",
        "POPULATE_WRITE",
        "Read/Write",
        (*PRIVATE, *SHARED),
    ),
    Claim(
        "zero-page-half",
        "V.1; the debate",
        "POPULATE_READ about halves the time to map the zero page",
        "POPULATE_READ",
        "Read",
        (("private", "anon", SMALL),),
        **ABOUT_HALF,
    ),
    Claim(
        "fallocate-fastest",
        "V.2",
        "On shared memory with a file, FALLOCATE alone is fastest (and maps nothing)",
        "FALLOCATE",
        "POPULATE_WRITE",
        (*SHARED_IN_MEMORY, SHARED_FILE),
    ),
    Claim(
        "fallocate-then-write",
        "V.2",
        "To allocate and map, FALLOCATE+POPULATE_WRITE is faster than POPULATE_WRITE",
        "FALLOCATE+POPULATE_WRITE",
        "POPULATE_WRITE",
        SHARED_IN_MEMORY,
    ),
    Claim(
        "files-then-read",
        "V.2",
        "On files on disk, FALLOCATE+POPULATE_READ is faster than FALLOCATE+POPULATE_WRITE",
        "FALLOCATE+POPULATE_READ",
        "FALLOCATE+POPULATE_WRITE",
        (SHARED_FILE,),
    ),
    Claim(
        "files-touching",
        "V.2",
        "On files on disk, FALLOCATE+Read is slightly faster than FALLOCATE+POPULATE_READ",
        "FALLOCATE+Read",
        "FALLOCATE+POPULATE_READ",
        (SHARED_FILE,),
    ),
    Claim(
        "huge-pages",
        "V",
        "With huge pages the method makes no difference worth mentioning",
        "POPULATE_WRITE",
        "Write",
        HUGE_PAGES,
        **NO_DIFFERENCE,
    ),
)
"""Every claim that the cover letter draws from its table, in our words."""


@dataclass(frozen=True)
class Judged:
    """A claim on one kind of memory: the ratio, the interval around it, and the verdict."""

    ratio: float
    low: float
    high: float
    verdict: str


def base_page_bytes(results: Iterable[Result]) -> int | None:
    """The page size of the machine of a grid: the smallest one in it; None if all are huge."""
    smallest = min((each.page_size_bytes for each in results), default=LARGEST_BASE_PAGE + 1)
    return smallest if smallest <= LARGEST_BASE_PAGE else None


def as_published(result: Result, base: int | None) -> Memory:
    """The published memory that a result stands beside, on a machine with pages of ``base``."""
    page = SMALL if result.page_size_bytes == base else result.page_size_bytes
    return result.sharing, result.backing, page


def published(claim: Claim, memory: Memory, size_bytes: int) -> Judged | None:
    """By the published figures, which are single and so have no interval."""
    sharing, kind, page = memory
    figures = [
        published_ms(kind, page, sharing, method, size_bytes)
        for method in (claim.method, claim.other)
    ]
    if None in figures or not figures[1]:
        return None
    ratio = float(figures[0] or 0) / figures[1]
    return Judged(ratio, ratio, ratio, claim.verdict(ratio, ratio))


def measured(
    claim: Claim, memory: Memory, size_bytes: int, results: Sequence[Result]
) -> Judged | None:
    """By the repetitions of a grid's results; None where it lacks one of the methods."""
    base = base_page_bytes(results)
    timings = {
        result.method: tuple(result.timings_ms)
        for result in results
        if as_published(result, base) == memory
        and result.size_bytes == size_bytes
        and result.outcome == "ok"
    }
    one, other = timings.get(claim.method), timings.get(claim.other)
    if not one or not other:
        return None
    found = intervals.of_medians(one, other)
    verdict = claim.verdict(found.low, found.high)
    return Judged(found.ratio, found.low, found.high, verdict)


def name(memory: Memory) -> str:
    """``shared memfd``, and the page size where it is a huge one."""
    sharing, kind, page = memory
    return f"{sharing} {kind}" + (f" {format_bytes(page)}" if page != SMALL else "")


@dataclass(frozen=True)
class Judgement:
    """One claim by the published figures and by grids: judged by column, then by memory."""

    claim: Claim
    columns: Mapping[str, Mapping[Memory, Judged | None]]
    page_sizes: Mapping[str, int]
    """Of each grid whose machine has other pages than the published one, in bytes."""


def judge(
    claim: Claim, sizes_bytes: Sequence[int], grids: Mapping[str, Sequence[Result]]
) -> Judgement:
    """A claim by the published figures and by each grid, at each size."""
    columns: dict[str, Mapping[Memory, Judged | None]] = {}
    for size in sizes_bytes:
        said = format_bytes(size)
        columns[f"published {said}"] = {
            memory: published(claim, memory, size) for memory in claim.memories
        }
        for title, results in grids.items():
            columns[f"{title} {said}"] = {
                memory: measured(claim, memory, size, results) for memory in claim.memories
            }
    bases = {title: base_page_bytes(results) for title, results in grids.items()}
    others = {title: base for title, base in bases.items() if base not in (None, SMALL)}
    return Judgement(claim, columns, {title: base for title, base in others.items() if base})

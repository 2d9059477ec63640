"""What a program relies on, the promises that show it, and from which recorded kernel they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    HOLDS,
    NOT_TESTABLE,
    ORDER,
    Record,
    outcome,
    place_of,
)

WORST = (DIFFERS, EXPLAINED, NOT_TESTABLE, HOLDS)
"""Of several promises the first of these stands for what rests on them."""


@dataclass(frozen=True)
class Reliance:
    """Something that a program takes for granted."""

    name: str
    """Short."""
    text: str
    promises: Sequence[str]
    """The ids of those that show it."""
    before: str
    """What a program does on a kernel where it does not hold."""
    but: str = ""
    """Where it must not be relied on although these promises hold, with the ids that show it."""


BEYOND_A_HOLE = (
    "before Linux 6.10 a hole between mappings was reported only after the pages beyond it were "
    "populated too (error-2021-hole)"
)

RELIANCES = {
    each.name: each
    for each in (
        Reliance(
            "populating",
            "populating fills the page tables: reading or writing takes no fault afterwards",
            ("read-makes-readable", "write-makes-writable"),
            "touch each page, with a handler for SIGBUS: preallocate(touch=True)",
        ),
        Reliance(
            "an error, no SIGBUS",
            "where a touch would raise SIGBUS, populating returns EFAULT",
            ("error-efault", "prefix-same-as-touching", "error-full-tmpfs"),
            "fallocate, which says ENOSPC, and then touch with a handler for SIGBUS",
            "where the disk cannot read a page, populating retried forever before Linux 6.9 and "
            "6.6.30, until a signal ended it (error-io); memory that may not be accessed is EINVAL "
            "(permission-none), a poisoned page EHWPOISON (error-ehwpoison)",
        ),
        Reliance(
            "the exact prefix",
            "after an error at a page (EFAULT, EINVAL) exactly the pages before it are populated",
            ("prefix-end-of-file", "prefix-protection"),
            "ask mincore(2) or the pagemap what is there",
            BEYOND_A_HOLE,
        ),
        Reliance(
            "holes are reported",
            "a range with a hole between mappings fails with ENOMEM",
            ("error-enomem",),
            "populate each mapping by itself",
            BEYOND_A_HOLE,
        ),
        Reliance(
            "content is kept",
            "WRITE changes no byte",
            ("write-keeps-content",),
            "an atomic addition of 0 to a word of each page",
        ),
        Reliance(
            "the zero page",
            "READ of private anonymous memory takes page tables alone",
            ("read-zero-page", "zero-read-is-free"),
            "read each page",
        ),
        Reliance(
            "the huge zero page",
            "with MADV_HUGEPAGE, READ takes no memory either",
            ("zero-huge",),
            "MADV_NOHUGEPAGE, and read each page",
        ),
        Reliance(
            "huge pages",
            "more huge pages than there are is an error, after as many as there are",
            ("error-no-huge-page",),
            "reserve them with mmap: without MAP_NORESERVE it fails where too few are free",
        ),
        Reliance(
            "read dirties nothing",
            "READ dirties no page of a file and allocates no block",
            ("read-allocates-no-block", "dirty-read"),
            "read each page, or MADV_WILLNEED, which maps nothing",
        ),
        Reliance(
            "whole folios",
            "READ of one page of a large folio maps all of it",
            ("folio-maps-whole",),
            "populate the range that is needed, not one page of it",
        ),
        Reliance(
            "guard regions",
            "at a guard region populating stops with EFAULT",
            ("prefix-guard-region",),
            "mprotect(PROT_NONE) in place of a guard region",
        ),
        Reliance(
            "poison",
            "a poisoned page is EHWPOISON",
            ("error-ehwpoison",),
            "expect EFAULT, or SIGBUS of a touch",
        ),
        Reliance(
            "snapshots",
            "write protection also sees pages that were never populated",
            ("snapshot-kernel",),
            "POPULATE_READ before write protection is set",
        ),
        Reliance(
            "read errors",
            "populating a file that cannot be read returns EFAULT, after all pages before it",
            ("error-io",),
            "read the file with pread(2), which says EIO: populating would retry forever",
        ),
        Reliance(
            "sealed memory",
            "a sealed mapping can be populated, and stays so",
            ("seal-populates",),
            "mprotect, which anybody in the process can undo",
        ),
        Reliance(
            "no EINTR",
            "a signal with a handler does not interrupt populating",
            ("error-no-eintr",),
            "call it again with the rest of the range",
        ),
        Reliance(
            "special mappings",
            "memory that a driver or the kernel maps is EINVAL",
            ("permission-perf-buffer", "permission-vvar"),
            "leave out what /proc/self/maps names in brackets, or as a device",
        ),
    )
}
"""By name."""


@dataclass(frozen=True)
class Answer:
    """On which recorded kernels something holds."""

    reliance: Reliance
    outcomes: dict[str, str]
    """By the record's name, from old to new: holds, explained, differs or not testable."""
    reasons: dict[str, str]
    """Why not, by the record's name, where it does not hold."""

    @property
    def since(self) -> str | None:
        """The oldest record from which on it holds on every newer one; None if on none.

        One on which it cannot be tested is passed over, if it holds on an older one as well.
        """
        oldest = None
        for name, seen in reversed(self.outcomes.items()):
            if seen == HOLDS:
                oldest = name
            elif seen != NOT_TESTABLE:
                break
        return oldest

    def where(self, *outcomes: str) -> list[str]:
        """The records with one of these outcomes."""
        return [name for name, seen in self.outcomes.items() if seen in outcomes]


def ask(reliance: Reliance, records: Sequence[Record], file_system: str = "") -> Answer:
    """On which of some recorded kernels something holds; of files, on one file system alone if it
    is named.

    It holds if each of its promises does, of which each holds if it does on some kind of memory and
    differs on none. A kernel that did not answer, for a promise or at all, has not shown it.
    """
    outcomes: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for record in records:
        found = [_promise(record, name, file_system) for name in reliance.promises]
        worst, reason = min(found, key=lambda each: WORST.index(each[0]))
        outcomes[record.name] = worst
        if worst != HOLDS:
            reasons[record.name] = reason
    return Answer(reliance, outcomes, reasons)


def _promise(record: Record, name: str, file_system: str) -> tuple[str, str]:
    """The outcome of one promise, with the reason."""
    found = [each for each in record.verdicts if each["id"] == name]
    here = [each for each in found if _is_on(each["backing"], file_system)]
    if found and not here:
        return NOT_TESTABLE, f"it was not asked on {file_system}"
    if not found:
        return NOT_TESTABLE, record.error or "it was not asked"
    first = min(here, key=lambda each: ORDER.index(outcome(each)))
    return outcome(first), first["reason"] or first["observed"] or ""


def _is_on(memory: str, file_system: str) -> bool:
    """Whether a verdict's memory is on a file system, or on none; on any, if none is named."""
    place = place_of(memory)
    return not (place and file_system) or place == file_system

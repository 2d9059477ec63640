"""Scenes of the lessons: prepared memory, the few operations that matter there, and a question.

To add one, add a row to :data:`SCENES`, and what answers it to the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.studies.playground.ground import Ground, Step
from prefault_kit.studies.playground.history import History

PAGES = 64
ALL = (0, PAGES)
HALF = PAGES // 2
END = 40
"""The pages of a file that is shorter than its mapping."""
ONE_PAGE = (10, 1)


@dataclass(frozen=True)
class Scene:
    """What a reader finds, may do, and is asked."""

    question: str
    ground: Ground
    operations: tuple[str, ...]
    """Of :data:`~prefault_kit.studies.playground.operations.OPERATIONS`, beside clicks."""
    prepared: tuple[Step, ...] = ()
    """What was done before."""
    chosen: tuple[int, int] = ALL
    """The pages that are chosen at first: the first, and how many."""

    def history(self) -> History:
        """The prepared memory, as a history."""
        return History(self.ground, list(self.prepared))


def scene(name: str) -> Scene:
    """The scene of this name; ValueError where there is none."""
    if not isinstance(name, str) or name not in SCENES:
        raise ValueError(f"there is no scene {name!r}; there is {', '.join(SCENES)}")
    return SCENES[name]


ANON = Ground("anon", "private", PAGES)
MEMFD = Ground("memfd", "shared", PAGES)
FILE = Ground("file", "shared", PAGES, directory=".")

SCENES: dict[str, Scene] = {
    # 02 What is a page fault?
    "first-touch": Scene(
        "Shift-click a page: it is written. Shift-click it again. Which of the two takes a fault? "
        "Then choose all pages: how many faults does POPULATE_WRITE take for the rest?",
        ANON,
        ("read", "write", "MADV_POPULATE_WRITE", "MADV_DONTNEED"),
    ),
    "fault-around": Scene(
        "All of this file is in the page cache, and none of it is mapped. Click a page in the "
        "middle: how many come with it? Begin anew: how many does a Shift-click bring?",
        Ground("memfd", "shared", PAGES, content="data"),
        ("read", "write", "MADV_POPULATE_READ", "MADV_DONTNEED"),
    ),
    # 03 READ or WRITE?
    "read-then-write": Scene(
        "The first half was populated for reading, the second for writing. Which of them will "
        "take faults when all of it is written, and which of them takes memory now?",
        ANON,
        ("write", "read", "MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "MADV_DONTNEED"),
        (Step("MADV_POPULATE_READ", 0, HALF), Step("MADV_POPULATE_WRITE", HALF, HALF)),
    ),
    "write-back": Scene(
        "Every page of this file was populated for writing, and is dirty. Write it back (msync), "
        "then Shift-click a page. Does the write take a fault? Why does one page become dirty, "
        "and not all?",
        FILE,
        ("msync", "write", "MADV_POPULATE_READ", "MADV_POPULATE_WRITE"),
        (Step("MADV_POPULATE_WRITE", *ALL),),
    ),
    # 04 The zero page and copy-on-write
    "zero-page": Scene(
        "Every page here is the zero page. Shift-click some: what becomes of them, and what does "
        "resident memory (RSS) say? And after POPULATE_WRITE of all of them?",
        ANON,
        ("read", "write", "MADV_POPULATE_WRITE", "MADV_DONTNEED"),
        (Step("MADV_POPULATE_READ", *ALL),),
    ),
    "after-a-fork": Scene(
        "Every page was populated for writing. Fork; then Shift-click a page of the parent, and "
        "the same page of the child. Does the first write take a fault, the second, or both? And "
        "where the child has ended before? Look at the share (PSS) of the parent.",
        ANON,
        ("fork", "end child", "write", "MADV_POPULATE_WRITE"),
        (Step("MADV_POPULATE_WRITE", *ALL),),
    ),
    # 05 Files, holes and fallocate
    "in-a-hole": Scene(
        "This file is one hole. What do POPULATE_READ, fallocate and a write each change: the page "
        "table, the page cache, the storage? Say all three before you press, then begin anew and "
        "try another.",
        FILE,
        ("MADV_POPULATE_READ", "fallocate", "write", "msync", "punch hole"),
    ),
    # 06 Errors instead of SIGBUS
    "beyond-the-end": Scene(
        f"The file ends after page {END - 1}, the mapping goes on. Click a page beyond it. Start "
        "the process again; then populate all of it. What comes in place of the signal, and which "
        "pages are there?",
        MEMFD,
        ("read", "write", "MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "extend"),
        (Step("truncate", END, 1),),
    ),
    "a-forbidden-page": Scene(
        "Pages 20 to 29 may only be read. Which pages will POPULATE_WRITE of everything leave "
        "populated? And POPULATE_READ?",
        ANON,
        ("MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "write", "mprotect rw", "MADV_DONTNEED"),
        (Step("mprotect r", 20, 10),),
    ),
    # 07 Giving memory back
    "give-back": Scene(
        "All of this shared memfd was written. DONTNEED, REMOVE and a punched hole all succeed. "
        "Which of them gives the storage back? Choose a few pages for each, and read them "
        "afterwards.",
        MEMFD,
        ("MADV_DONTNEED", "MADV_REMOVE", "punch hole", "read", "write"),
        (Step("write", *ALL),),
        (0, 8),
    ),
    "sooner-or-later": Scene(
        "Private memory, all written. DONTNEED and FREE both give it back. When? Try each on some "
        "pages, write a page of both, and look at RSS.",
        ANON,
        ("MADV_DONTNEED", "MADV_FREE", "MADV_PAGEOUT", "read", "write"),
        (Step("write", *ALL),),
        (0, 8),
    ),
    # 08 Three ways to ask
    "who-sees-it": Scene(
        "The page cache holds all of this file, and the page table has nothing of it. What does "
        "RSS say now, what after POPULATE_READ, and what after DONTNEED? Who sees the page cache "
        "all the time?",
        Ground("memfd", "shared", PAGES, content="data"),
        ("MADV_POPULATE_READ", "read", "MADV_DONTNEED"),
    ),
    # 13 A sparse device
    "unplug": Scene(
        "Sixteen pages are plugged. Unplug them so that the memory is really given back, and plug "
        "them again: which call does it, and which one only looks as if it did?",
        MEMFD,
        ("MADV_POPULATE_WRITE", "punch hole", "MADV_REMOVE", "MADV_DONTNEED", "read"),
        (Step("MADV_POPULATE_WRITE", 0, 16),),
        (0, 16),
    ),
    # 14 A matrix of zeros
    "a-row-of-zeros": Scene(
        "A matrix that was read is the zero page everywhere. How many pages of memory does one "
        "number cost? Ten numbers in one page? Ten in ten pages?",
        ANON,
        ("read", "write", "MADV_POPULATE_READ", "MADV_POPULATE_WRITE"),
        (Step("MADV_POPULATE_READ", *ALL),),
        ONE_PAGE,
    ),
    # 15 Background snapshots
    "protect-for-a-snapshot": Scene(
        "The first half was populated for reading, the second is not there yet. Protect all of it, "
        "as a snapshot does. Which pages are protected, and how many faults does a write to each "
        "half take? (Before Linux 6.4 what is not there is not protected, and is missed.)",
        ANON,
        ("userfaultfd protect", "userfaultfd release", "MADV_POPULATE_READ", "read", "write"),
        (Step("MADV_POPULATE_READ", 0, HALF),),
    ),
}
"""By name, in the order of the lessons."""

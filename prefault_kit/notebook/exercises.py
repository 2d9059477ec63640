"""Exercises that the kernel grades: what counts is the state of real memory, not the code.

``exercise("name")`` prepares memory and says what to do with it; ``check()`` says what is there and
what should be, ``hint()`` one hint more each time. To add one, add a row to :data:`EXERCISES`, and
a right and a wrong solution to ``notebooks/solutions.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from prefault_kit.kernel import blocks, page_cache, pagemap
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 64
SIZE_BYTES = PAGES * PAGE_SIZE_BYTES
END = 40
"""The pages of a file that is shorter than its mapping."""


@dataclass(frozen=True)
class Wanted:
    """One thing that must be so: in words, what is expected, and how it is looked up."""

    what: str
    expected: object
    look: Callable[[Attempt], object]
    secret: bool = False
    """Whether what is expected is the answer, and must not be told."""
    spends: bool = False
    """Whether looking changes the memory, which is then made anew."""


@dataclass(frozen=True)
class Exercise:
    """What to do, with which memory, and what must be so in the end."""

    lesson: str
    """The number of the notebook that it belongs to."""
    task: str
    prepare: Callable[[], Mapping]
    wanted: tuple[Wanted, ...]
    hints: tuple[str, ...]


class Attempt:
    """Memory to work on, as ``memory``; ``answer`` where the task asks for a figure."""

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self._hints = 0
        self.answer: object = None
        self.memory = exercise.prepare()

    def __repr__(self) -> str:
        return f"{self._exercise.task}\n\nWork on task.memory, then ask task.check()."

    def begin(self) -> None:
        """Fresh memory, as at the beginning."""
        self.close()
        self.answer = None
        self.memory = self._exercise.prepare()

    def check(self) -> Judgement:
        """What is there, and what should be."""
        found: list[tuple[Wanted, object]] = []
        for each in self._exercise.wanted:
            try:
                observed = each.look(self)
            except (OSError, ValueError) as error:
                observed = str(error)
            found.append((each, observed))
        spent = any(each.spends for each in self._exercise.wanted)
        if spent:
            self.begin()
        return Judgement(tuple(found), spent)

    def hint(self) -> str:
        """One hint more; the last one stays."""
        hints = self._exercise.hints
        self._hints = min(self._hints + 1, len(hints))
        return f"{self._hints} of {len(hints)}: {hints[self._hints - 1]}"

    def close(self) -> None:
        """Release the memory."""
        self.memory.close()


@dataclass(frozen=True)
class Judgement:
    """What was asked for, and what is there."""

    found: tuple[tuple[Wanted, object], ...]
    spent: bool = False
    """Whether looking has changed the memory, so that it is fresh again."""

    @property
    def solved(self) -> bool:
        """Whether all of it is so."""
        return all(each.expected == observed for each, observed in self.found)

    def __repr__(self) -> str:
        lines = ["Solved." if self.solved else "Not yet."]
        for each, observed in self.found:
            if each.expected == observed:
                end = "as it should be"
            elif each.secret:
                end = "which is not right"
            else:
                end = f"and it should be {each.expected}"
            lines.append(f"  {each.what}: {observed}, {end}")
        if self.spent:
            lines.append("The check has written to the memory, which is fresh again.")
        return "\n".join(lines)


def exercise(name: str) -> Attempt:
    """Begin an exercise; ValueError where there is none of this name."""
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there is {', '.join(EXERCISES)}")
    return Attempt(EXERCISES[name])


# What is prepared


def _anonymous() -> Mapping:
    return Mapping(Backing.anon(), SIZE_BYTES)


def _read() -> Mapping:
    memory = _anonymous()
    memory.touch_read()
    return memory


def _shared() -> Mapping:
    return Mapping(Backing.memfd(), SIZE_BYTES, "shared")


def _written() -> Mapping:
    memory = _shared()
    memory.touch_write()
    return memory


def _private() -> Mapping:
    memory = Mapping(Backing.memfd(), SIZE_BYTES)
    os.pwrite(memory.fd, b"\1" * SIZE_BYTES, 0)
    return memory


def _short() -> Mapping:
    memory = _shared()
    os.ftruncate(memory.fd, END * PAGE_SIZE_BYTES)
    return memory


# What is looked up


def _pages_with(bit: int) -> Callable[[Attempt], object]:
    def look(attempt: Attempt) -> list[int]:
        states = attempt.memory.pages(file=True).state_bytes
        return [page for page, state in enumerate(states) if state & bit]

    return look


def _present(attempt: Attempt) -> int:
    return attempt.memory.pages().present


def _zero(attempt: Attempt) -> int | None:
    return attempt.memory.pages().zero


def _resident_pages(attempt: Attempt) -> int:
    return (attempt.memory.usage().rss or 0) // PAGE_SIZE_BYTES


def _copies(attempt: Attempt) -> list[int]:
    states = attempt.memory.pages(file=True).state_bytes
    return [
        page
        for page, state in enumerate(states)
        if state & pagemap.PRESENT and not state & (pagemap.FILE | pagemap.ZERO)
    ]


def _storage(attempt: Attempt) -> int:
    return os.fstat(attempt.memory.fd).st_blocks * page_cache.BLOCK_BYTES // PAGE_SIZE_BYTES


def _holes(attempt: Attempt) -> list[int]:
    words = blocks.of(attempt.memory.fd, PAGES)
    return [page for page, word in enumerate(words) if word == blocks.HOLE]


def _in_memory(attempt: Attempt) -> int:
    return sum(attempt.memory.mincore())


def _content(attempt: Attempt) -> bool:
    return attempt.memory.read(0, SIZE_BYTES) == b"\1" * SIZE_BYTES


def _later_faults(attempt: Attempt) -> int:
    """Looked at last: it writes."""
    return attempt.memory.touch_write().minor_faults


PRESENT = Wanted("pages in the page table", PAGES, _present)
NONE_PRESENT = Wanted("pages in the page table", 0, _present)
NOTHING_RESIDENT = Wanted("pages of resident memory", 0, _resident_pages)

EXERCISES: dict[str, Exercise] = {
    "three-pages": Exercise(
        "02",
        "Make exactly the pages 10, 20 and 30 present.",
        _anonymous,
        (Wanted("the pages that are present", [10, 20, 30], _pages_with(pagemap.PRESENT)),),
        (
            "A touch brings one page: touch_write(offset, length), in bytes.",
            "Page 10 is at offset 10 * PAGE, and one page is PAGE bytes long.",
        ),
    ),
    "no-fault-left": Exercise(
        "02",
        "Let a later write to each page take no fault.",
        _anonymous,
        (PRESENT, Wanted("faults of writing each page", 0, _later_faults, spends=True)),
        (
            "The pages must be present and writable.",
            "Which of the two advices prefaults as if each page were written?",
        ),
    ),
    "readable-and-free": Exercise(
        "03",
        "Make every page readable without a fault, and let it take no memory.",
        _anonymous,
        (PRESENT, NOTHING_RESIDENT),
        ("What is read from fresh memory?", "The zero page is in the page table, but not in RSS."),
    ),
    "half-and-half": Exercise(
        "03",
        "Let the first half be the zero page, and the second half pages of your own.",
        _anonymous,
        (
            Wanted("pages that are the zero page", PAGES // 2, _zero),
            PRESENT,
            Wanted("the first page of your own", PAGES // 2, lambda each: _first(_copies(each))),
        ),
        (
            "Both populate_read and populate_write take an offset and a length in bytes.",
            "One populates the zero page, the other takes memory.",
        ),
    ),
    "eight-copies": Exercise(
        "04",
        "The mapping is private, and its file is full. Get copies of the first eight pages, and of "
        "no other; no byte of the memory may change.",
        _private,
        (
            Wanted("the pages that are copies", list(range(8)), _copies),
            Wanted("all bytes as they were", True, _content),
        ),
        (
            "A write breaks copy-on-write. But touch_write writes a zero.",
            "Populating for writing changes no byte.",
        ),
    ),
    "no-zero-page": Exercise(
        "04",
        "All has been read, and is the zero page. Replace it everywhere by pages of your own.",
        _read,
        (Wanted("pages that are the zero page", 0, _zero), PRESENT),
        ("What does the first write to a zero page do?", "Do it for all of them in one call."),
    ),
    "storage-alone": Exercise(
        "05",
        "Give the file its storage, and leave the page table empty.",
        _shared,
        (Wanted("pages of storage", PAGES, _storage), NONE_PRESENT),
        ("Reading the hole would map it as well.", "One call is for storage alone."),
    ),
    "a-hole": Exercise(
        "05",
        "The file is full. Make a hole of the pages 8 to 15, and keep the rest.",
        _written,
        (
            Wanted("the pages that are a hole", list(range(8, 16)), _holes),
            Wanted("pages of storage", PAGES - 8, _storage),
        ),
        ("punch_hole takes an offset and a length in bytes.", "Pages 8 to 15 are eight pages."),
    ),
    "how-far": Exercise(
        "06",
        "The file is shorter than the mapping. Find out, without a signal, how many pages can be "
        "had, and put the number into task.answer.",
        _short,
        (Wanted("your answer", END, lambda attempt: attempt.answer, secret=True),),
        (
            "Populating returns an error, and the error tells how far it came.",
            "Its populated_bytes are bytes; a page has PAGE of them.",
        ),
    ),
    "lengthen": Exercise(
        "06",
        "The file is shorter than the mapping. Let populating all of it for reading succeed.",
        _short,
        (PRESENT, Wanted("pages of storage", PAGES, _storage)),
        (
            "Memory beyond the end of a file cannot be had: the file must be longer.",
            "os.ftruncate takes memory.fd and a length in bytes.",
        ),
    ),
    "keep-the-file": Exercise(
        "07",
        "Give the memory back, and keep the file as it is.",
        _written,
        (NONE_PRESENT, Wanted("pages of storage", PAGES, _storage)),
        (
            "The entries of the page table must go, the pages of the file must not.",
            "What does MADV_DONTNEED do to a shared mapping?",
        ),
    ),
    "give-all-back": Exercise(
        "07",
        "Give all of it back: the memory, and the storage of the file.",
        _written,
        (NONE_PRESENT, Wanted("pages of storage", 0, _storage)),
        ("MADV_DONTNEED keeps the storage.", "Which advice frees the storage of a shared mapping?"),
    ),
    "in-memory-unmapped": Exercise(
        "08",
        "Let mincore find every page in memory, and the page table have none.",
        _shared,
        (Wanted("pages that mincore finds", PAGES, _in_memory), NONE_PRESENT),
        (
            "mincore tells of the page cache, mapped or not.",
            "A file can be filled without the mapping: os.pwrite, or fallocate.",
        ),
    ),
    "mapped-not-resident": Exercise(
        "08",
        "Let every page be in the page table, and none in RSS.",
        _anonymous,
        (PRESENT, NOTHING_RESIDENT, Wanted("pages that are the zero page", PAGES, _zero)),
        ("Which page belongs to nobody?", "Read, and do not write."),
    ),
}
"""By name, in the order of the lessons."""


def _first(pages: list[int]) -> int | None:
    return pages[0] if pages else None

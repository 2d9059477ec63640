"""Exercises that the kernel grades: what counts is the state of real memory, not the code.

``exercise("name")`` prepares memory and says what to do with it; ``check()`` says what is there and
what should be, ``hint()`` one hint more each time. To add one, add a row to :data:`EXERCISES`, and
a right and a wrong solution to ``notebooks/solutions.py``.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from functools import partial

from prefault_kit.kernel import blocks, page_cache, pagemap
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import snapshot
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.notebook.grading import REFUSED, Attempt, Exercise, Wanted

PAGES = 64
SIZE_BYTES = PAGES * PAGE_SIZE_BYTES
END = 40
"""The pages of a file that is shorter than its mapping."""
BLOCK = 16
"""The pages of a block that is plugged."""
CONTENT = b"\1" * SIZE_BYTES
PROGRAMS = (((3, 9, 10, 20), (1, 1, 1, 0)), ((0, 9, 20), (1, 0, 1)))
"""The pages that two programs touch, and whether they write them."""


def exercise(name: str) -> Attempt:
    """Begin an exercise; ValueError where there is none of this name."""
    if not isinstance(name, str) or name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there is {', '.join(EXERCISES)}")
    return Attempt(name, EXERCISES[name])


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
    memory.write(0, CONTENT)
    return memory


def _private() -> Mapping:
    memory = Mapping(Backing.memfd(), SIZE_BYTES)
    os.pwrite(memory.fd, CONTENT, 0)
    return memory


def _short() -> Mapping:
    memory = _shared()
    os.ftruncate(memory.fd, END * PAGE_SIZE_BYTES)
    return memory


def _half() -> Mapping:
    memory = _shared()
    os.pwrite(memory.fd, b"\1" * (SIZE_BYTES // 2), 0)
    return memory


def _synced() -> Mapping:
    memory = Mapping(Backing.file("."), SIZE_BYTES, "shared")
    for _ in range(2):
        memory.populate_write()
        memory.read(0, SIZE_BYTES)
        memory.sync()
        memory.populate_read()
        faults = memory.touch_write().minor_faults
    if not faults:
        memory.close()
        raise ValueError("the current directory is on no disk, so a sync brings no fault back")
    memory.sync()
    memory.populate_read()
    return memory


def _plugged() -> Mapping:
    memory = _shared()
    memory.populate_write(0, BLOCK * PAGE_SIZE_BYTES)
    return memory


def _short_and_plugged() -> Mapping:
    memory = _short()
    memory.populate_write(0, BLOCK * PAGE_SIZE_BYTES)
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
    return attempt.memory.read(0, SIZE_BYTES) == CONTENT


def _file_content(attempt: Attempt) -> bool:
    return os.pread(attempt.memory.fd, SIZE_BYTES, 0) == CONTENT


def _kept_around_the_hole(attempt: Attempt) -> bool:
    first, end = 8 * PAGE_SIZE_BYTES, 16 * PAGE_SIZE_BYTES
    found = os.pread(attempt.memory.fd, SIZE_BYTES, 0)
    return (found[:first], found[end:]) == (CONTENT[:first], CONTENT[end:])


def _read_faults(attempt: Attempt) -> int:
    return attempt.memory.touch_read().minor_faults


def _answer(attempt: Attempt) -> int | str | None:
    """The reader's, as a plain number or word."""
    answer = attempt.answer
    if isinstance(answer, str) or answer is None:
        return answer
    try:
        return operator.index(answer)  # type: ignore[arg-type]
    except TypeError:
        return f"{type(answer).__name__}, which is neither a number nor a word"


def _call(attempt: Attempt) -> int | str | None:
    """The answer, by the kit's name of a call."""
    answer = _answer(attempt)
    return {"msync": "sync"}.get(answer, answer) if isinstance(answer, str) else answer


def _later_faults(attempt: Attempt) -> int:
    """Looked at last: it writes."""
    return attempt.memory.touch_write().minor_faults


def _half_content(attempt: Attempt) -> bool:
    return attempt.memory.read(0, SIZE_BYTES // 2) == b"\1" * (SIZE_BYTES // 2)


def _with_room(attempt: Attempt) -> str:
    return attempt.outcome(attempt.memory)


def _without_room(attempt: Attempt) -> str:
    with _short() as memory:
        return attempt.outcome(memory)


def _plug(first: int, count: int) -> Callable[[Attempt], str]:
    return lambda attempt: attempt.outcome(attempt.memory, first, count)


def _numbers(attempt: Attempt) -> int:
    return sum(number != 0 for number in memoryview(attempt.memory.read(0, SIZE_BYTES)).cast("d"))


def _missed(attempt: Attempt) -> int | str:
    """Pages of a snapshot that hold what was written after it had begun."""
    import numpy

    pages, ones = numpy.arange(PAGES, dtype="uint32"), numpy.ones(PAGES, "uint8")
    failed: list[OSError] = []

    def program() -> None:
        try:
            attempt.memory.access(pages, ones)
        except OSError as error:
            failed.append(error)

    taken = snapshot.take(attempt.memory, during=program, lazily=True)
    if failed:
        return "the program could not write"
    return sum(taken.data[page * PAGE_SIZE_BYTES] != 0 for page in range(PAGES))


def _reported(attempt: Attempt) -> list[object]:
    """What the reader's function says of two programs, the second on memory that was written."""
    import numpy

    memory, found = attempt.memory, []
    for pages, writes in PROGRAMS:
        touched = numpy.array(pages, "uint32"), numpy.array(writes, "uint8")
        told, said = attempt.call(memory, partial(memory.access, *touched))
        found.append(said if told == "says" or said is not None else "nothing")
        memory.populate_write()
    return found


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
        (
            PRESENT,
            NOTHING_RESIDENT,
            Wanted("faults of reading each page", 0, _read_faults, spends=True),
        ),
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
    "faults-come-back": Exercise(
        "03",
        "A program has done four things to a file on disk, in this order: populate_write, read, "
        "sync, populate_read. Every page is in the page table, and yet writing each takes a fault. "
        "Which of the four brought the faults back? Put its name into task.answer, and make a "
        "later write to each page take none.",
        _synced,
        (
            Wanted("your answer", "sync", _call, secret=True),
            Wanted("faults of writing each page", 0, _later_faults, spends=True),
        ),
        (
            "Do the four to memory of your own, Mapping(Backing.file('.'), 64 * PAGE, 'shared'), "
            "and count the faults of touch_write() after each.",
            "The kernel has to learn which pages are written after they were written back.",
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
            Wanted("the rest as it was", True, _kept_around_the_hole),
        ),
        ("punch_hole takes an offset and a length in bytes.", "Pages 8 to 15 are eight pages."),
    ),
    "how-far": Exercise(
        "06",
        "The file is shorter than the mapping. Find out, without a signal, how many pages can be "
        "had, and put the number into task.answer.",
        _short,
        (Wanted("your answer", END, _answer, secret=True),),
        (
            "Populating returns an error, and the error tells how far it came.",
            "Its populated_bytes are bytes; a page has PAGE of them.",
        ),
    ),
    "lengthen": Exercise(
        "06",
        "The file is shorter than the mapping. Let all of it be populated for reading, without an "
        "error.",
        _short,
        (PRESENT, Wanted("pages of storage", PAGES, _storage)),
        (
            "Memory beyond the end of a file cannot be had: the file must be longer.",
            "os.ftruncate takes memory.fd and a length in bytes.",
        ),
    ),
    "cannot-be-killed": Exercise(
        "06",
        "Write a function that preallocates all of a mapping that it is given. Where a page cannot "
        "be had, as beyond the end of a file, it has to raise an OSError: it must not be killed, "
        "and the file stays as long as it is. No byte may change. Put it into task.answer.",
        _half,
        (
            Wanted("where there is memory, it", "returns", _with_room),
            Wanted("pages of storage then", PAGES, _storage),
            Wanted("all bytes as they were", True, _half_content),
            Wanted("where the file is too short, it ends in", REFUSED, _without_room, spends=True),
        ),
        (
            "Begin with: def preallocate(memory): ...; then task.answer = preallocate.",
            "A touch is told by a signal that there is no memory. Which call is told by an error?",
            "A touch has to write something. Which call writes nothing?",
        ),
    ),
    "keep-the-file": Exercise(
        "07",
        "Give the memory back, and keep the file as it is.",
        _written,
        (
            NONE_PRESENT,
            Wanted("pages of storage", PAGES, _storage),
            Wanted("the file as it was", True, _file_content),
        ),
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
            "A file can be filled without the mapping: by os.pwrite to memory.fd.",
        ),
    ),
    "mapped-not-resident": Exercise(
        "08",
        "Let every page be in the page table, and none in RSS.",
        _anonymous,
        (PRESENT, NOTHING_RESIDENT, Wanted("pages that are the zero page", PAGES, _zero)),
        ("Which page belongs to nobody?", "Read, and do not write."),
    ),
    "move-the-block": Exercise(
        "13",
        "The first block of 16 pages is plugged. Unplug it so that its memory is given back, and "
        "plug the second one.",
        _plugged,
        (
            Wanted(
                "the pages in the page table",
                list(range(BLOCK, 2 * BLOCK)),
                _pages_with(pagemap.PRESENT),
            ),
            Wanted("pages of storage", BLOCK, _storage),
        ),
        (
            "MADV_DONTNEED leaves the storage of a shared mapping as it is.",
            "A hole in the file gives it back; MADV_POPULATE_WRITE plugs.",
        ),
    ),
    "plug-or-nothing": Exercise(
        "13",
        "Write a function of a mapping, a first page and a number of pages that plugs all of them, "
        "or raises an OSError and leaves the storage as it was. Put it into task.answer. (The file "
        "ends after page 39.)",
        _short_and_plugged,
        (
            Wanted("plugging pages 16 to 23, it", "returns", _plug(BLOCK, 8)),
            Wanted("pages of storage then", BLOCK + 8, _storage),
            Wanted("plugging pages 32 to 47, it ends in", REFUSED, _plug(32, BLOCK)),
            Wanted("pages of storage then", BLOCK + 8, _storage),
            Wanted("plugging pages 8 to 47, it ends in", REFUSED, _plug(8, 40)),
            Wanted("pages of storage then", BLOCK + 8, _storage, spends=True),
        ),
        (
            "Begin with: def plug(memory, first, count): ...; then task.answer = plug.",
            "What populating has done before it fails stays done: give it back, then raise.",
            "Some of the pages may have been plugged before: memory.mincore() tells which.",
        ),
    ),
    "ten-numbers": Exercise(
        "14",
        "A matrix of float64 zeros has been read. Write ten numbers that are not zero into it, so "
        "that they take one page of memory.",
        _read,
        (
            Wanted("numbers that are not zero", 10, _numbers),
            Wanted("pages of its own", 1, lambda each: len(_copies(each))),
        ),
        (
            "np.frombuffer(task.memory.buffer()) is an array of float64 in the memory.",
            "A page has PAGE // 8 numbers.",
        ),
    ),
    "read-all-write-some": Exercise(
        "14",
        "All rows of a matrix will be read, rows 0 to 7 will be written; a row is a page. Let "
        "neither take a fault, and take no more memory than that needs.",
        _anonymous,
        (
            PRESENT,
            Wanted("pages of resident memory", 8, _resident_pages),
            Wanted(
                "faults of writing rows 0 to 7",
                0,
                lambda each: each.memory.touch_write(0, 8 * PAGE_SIZE_BYTES).minor_faults,
                spends=True,
            ),
        ),
        (
            "The zero page takes no memory, and can be read.",
            "READ for all of it, WRITE for eight pages of it.",
        ),
    ),
    "nothing-missed": Exercise(
        "15",
        "A snapshot will be taken by write protection, as before Linux 6.4: what is not in the "
        "page table is not protected. Prepare the memory so that no write is missed, and that it "
        "takes no memory.",
        _anonymous,
        (
            NOTHING_RESIDENT,
            Wanted("writes that the snapshot missed", 0, _missed, spends=True),
        ),
        ("Every page needs an entry.", "An entry of the zero page can be protected as well."),
    ),
    "who-wrote": Exercise(
        "15",
        "Write a function of a mapping and a program that calls the program, program(), and "
        "returns the numbers of the pages that it wrote, not of those that it only read. Put it "
        "into task.answer.",
        _anonymous,
        (
            Wanted(
                "the pages of two programs that it reports",
                [[3, 9, 10], [0, 20]],
                _reported,
                secret=True,
                spends=True,
            ),
        ),
        (
            "Begin with: def who_wrote(memory, program): ...; then task.answer = who_wrote.",
            "with snapshot.tracked(memory) as written: the kernel notes it.",
        ),
    ),
}
"""By name, in the order of the lessons."""


def _first(pages: list[int]) -> int | None:
    return pages[0] if pages else None

"""Solutions of the exercises, a right and a wrong one each; do not look before you have tried.

The tests run both, and hold that the check tells them apart.
"""

import os
from collections.abc import Callable

import numpy as np

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit import Mapping
from prefault_kit.memory import snapshot
from prefault_kit.notebook.grading import Attempt


def three_pages(task: Attempt) -> None:
    """Three touches."""
    for page in (10, 20, 30):
        task.memory.touch_write(page * PAGE, PAGE)


def three_pages_wrong(task: Attempt) -> None:
    """Everything between them too."""
    task.memory.touch_write(10 * PAGE, 21 * PAGE)


def no_fault_left(task: Attempt) -> None:
    """Populate for writing."""
    task.memory.populate_write()


def no_fault_left_wrong(task: Attempt) -> None:
    """Present, and not writable."""
    task.memory.populate_read()


def readable_and_free(task: Attempt) -> None:
    """The zero page."""
    task.memory.populate_read()


def readable_and_free_wrong(task: Attempt) -> None:
    """Pages of its own."""
    task.memory.populate_write()


def half_and_half(task: Attempt) -> None:
    """Read one half, write the other."""
    half = task.memory.size_bytes // 2
    task.memory.populate_read(0, half)
    task.memory.populate_write(half, half)


def half_and_half_wrong(task: Attempt) -> None:
    """The wrong way round."""
    half = task.memory.size_bytes // 2
    task.memory.populate_write(0, half)
    task.memory.populate_read(half, half)


def eight_copies(task: Attempt) -> None:
    """Populating for writing copies, and changes nothing."""
    task.memory.populate_write(0, 8 * PAGE)


def eight_copies_wrong(task: Attempt) -> None:
    """It writes a zero to each page."""
    task.memory.touch_write(0, 8 * PAGE)


def no_zero_page(task: Attempt) -> None:
    """Write everywhere."""
    task.memory.populate_write()


def no_zero_page_wrong(task: Attempt) -> None:
    """Half of it is forgotten."""
    task.memory.populate_write(0, task.memory.size_bytes // 2)


def storage_alone(task: Attempt) -> None:
    """fallocate."""
    task.memory.fallocate()


def storage_alone_wrong(task: Attempt) -> None:
    """Reading a hole of shared memory allocates it, and maps it."""
    task.memory.populate_read()


def a_hole(task: Attempt) -> None:
    """Eight pages from page 8 on."""
    task.memory.punch_hole(8 * PAGE, 8 * PAGE)


def a_hole_wrong(task: Attempt) -> None:
    """It only leaves the page table."""
    task.memory.advise("MADV_DONTNEED", 8 * PAGE, 8 * PAGE)


def how_far(task: Attempt) -> None:
    """Ask the error."""
    try:
        task.memory.populate_read()
    except OSError as error:
        task.answer = error.populated_bytes // PAGE  # type: ignore[attr-defined]


def how_far_wrong(task: Attempt) -> None:
    """It is told in bytes."""
    try:
        task.memory.populate_read()
    except OSError as error:
        task.answer = error.populated_bytes  # type: ignore[attr-defined]


def lengthen(task: Attempt) -> None:
    """A longer file, then populate."""
    os.ftruncate(task.memory.fd, task.memory.size_bytes)
    task.memory.populate_read()


def lengthen_wrong(task: Attempt) -> None:
    """Storage alone is not in the page table."""
    task.memory.fallocate()


def keep_the_file(task: Attempt) -> None:
    """Only the entries go."""
    task.memory.advise("MADV_DONTNEED")


def keep_the_file_wrong(task: Attempt) -> None:
    """The storage goes as well."""
    task.memory.advise("MADV_REMOVE")


def give_all_back(task: Attempt) -> None:
    """Storage and all."""
    task.memory.advise("MADV_REMOVE")


def give_all_back_wrong(task: Attempt) -> None:
    """The file keeps its storage."""
    task.memory.advise("MADV_DONTNEED")


def in_memory_unmapped(task: Attempt) -> None:
    """Write by the file, not by the mapping."""
    os.pwrite(task.memory.fd, bytes(task.memory.size_bytes), 0)


def in_memory_unmapped_wrong(task: Attempt) -> None:
    """It maps."""
    task.memory.touch_write()


def mapped_not_resident(task: Attempt) -> None:
    """The zero page."""
    task.memory.touch_read()


def mapped_not_resident_wrong(task: Attempt) -> None:
    """Memory of its own."""
    task.memory.touch_write()


def faults_come_back(task: Attempt) -> None:
    """A sync writes back, and protects: populate after it."""
    task.answer = "sync"
    task.memory.populate_write()


def faults_come_back_wrong(task: Attempt) -> None:
    """Reading protects nothing, and READ makes nothing writable."""
    task.answer = "read"
    task.memory.populate_read()


def cannot_be_killed(task: Attempt) -> None:
    """Populating answers with an error, and changes no byte."""
    task.answer = lambda memory: memory.populate_write()


def cannot_be_killed_wrong(task: Attempt) -> None:
    """What touches is killed, and writes."""

    def preallocate(memory: Mapping) -> None:
        memory.buffer()[::PAGE] = bytes(memory.size_bytes // PAGE)

    task.answer = preallocate


def move_the_block(task: Attempt) -> None:
    """A hole, then the next block."""
    task.memory.punch_hole(0, 16 * PAGE)
    task.memory.populate_write(16 * PAGE, 16 * PAGE)


def move_the_block_wrong(task: Attempt) -> None:
    """The first block keeps its storage."""
    task.memory.advise("MADV_DONTNEED", 0, 16 * PAGE)
    task.memory.populate_write(16 * PAGE, 16 * PAGE)


def plug_or_nothing(task: Attempt) -> None:
    """Give back what came before the error."""

    def plug(memory: Mapping, first: int, count: int) -> None:
        before = memory.mincore()
        try:
            memory.populate_write(first * PAGE, count * PAGE)
        except OSError:
            for page in range(first, first + count):
                if not before[page]:
                    memory.punch_hole(page * PAGE, PAGE)
            raise

    task.answer = plug


def plug_or_nothing_wrong(task: Attempt) -> None:
    """What came before the error stays."""
    task.answer = lambda memory, first, count: memory.populate_write(first * PAGE, count * PAGE)


def ten_numbers(task: Attempt) -> None:
    """Side by side."""
    np.frombuffer(task.memory.buffer())[:10] = 1.0


def ten_numbers_wrong(task: Attempt) -> None:
    """Each in a page of its own."""
    np.frombuffer(task.memory.buffer())[:: PAGE // 8][:10] = 1.0


def read_all_write_some(task: Attempt) -> None:
    """READ for all of it, WRITE for what is written."""
    task.memory.populate_read()
    task.memory.populate_write(0, 8 * PAGE)


def read_all_write_some_wrong(task: Attempt) -> None:
    """Memory for what is only read."""
    task.memory.populate_write()


def nothing_missed(task: Attempt) -> None:
    """Every entry is the zero page, and can be protected."""
    task.memory.populate_read()


def nothing_missed_wrong(task: Attempt) -> None:
    """Half of it has no entries."""
    task.memory.populate_read(0, task.memory.size_bytes // 2)


def who_wrote(task: Attempt) -> None:
    """The kernel notes it."""

    def pages(memory: Mapping, program: Callable[[], object]) -> list[int]:
        with snapshot.tracked(memory) as written:
            program()
            return written()

    task.answer = pages


def who_wrote_wrong(task: Attempt) -> None:
    """What is present was perhaps only read."""

    def pages(memory: Mapping, program: Callable[[], object]) -> list[int]:
        program()
        return [page for page, state in enumerate(memory.pages().state_bytes) if state]

    task.answer = pages

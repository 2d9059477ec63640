"""Solutions of the exercises, a right and a wrong one each; do not look before you have tried.

The tests run both, and hold that the check tells them apart.
"""

import os

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit.notebook.exercises import Attempt


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

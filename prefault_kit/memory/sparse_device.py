"""Blocks of a large mapping that are there, or not: plugging fails with an error or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass

from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.sizes import format_bytes

BLOCK_BYTES = 2 << 20
"""What virtio-mem plugs at once on x86-64."""
UNPLUGGED, PLUGGED, FAILED = "unplugged", "plugged", "failed"

DISCARDS = {
    ("anon", "private"): ("MADV_DONTNEED",),
    ("anon", "shared"): ("MADV_REMOVE",),
    ("file", "private"): ("MADV_DONTNEED", "punch_hole"),
    ("file", "shared"): ("punch_hole",),
}
"""The calls that give memory back, by its kind and sharing: a private mapping of a file holds
copies, and its file pages beside them (madvise(2), fallocate(2))."""


class PlugError(OSError):
    """A plug that failed and was rolled back: errno, and the first ``block`` that had no page."""

    def __init__(self, number: int, text: str, *, block: int) -> None:
        super().__init__(number, text)
        self.block = block


@dataclass(frozen=True)
class Account:
    """Bytes of a device."""

    plugged_bytes: int
    resident_bytes: int
    """In the page table."""
    backend_bytes: int
    """Taken from where memory comes from."""


class Device:
    """A device on a mapping, all of it unplugged; make the mapping with ``reserve=False``.

    ``states`` has for each block ``unplugged``, ``plugged`` or ``failed`` (and unplugged).
    """

    def __init__(self, memory: Mapping, block_bytes: int = BLOCK_BYTES) -> None:
        page = memory.backing.page_size_bytes
        if block_bytes <= 0 or block_bytes % page or memory.size_bytes % block_bytes:
            raise ValueError(
                f"blocks of {block_bytes} bytes do not divide {format_bytes(memory.size_bytes)} "
                f"of pages of {format_bytes(page)}: choose a multiple of the page that does"
            )
        self.memory = memory
        self.block_bytes = block_bytes
        self.states = [UNPLUGGED] * (memory.size_bytes // block_bytes)

    def plug(self, first: int, count: int = 1, *, threads: int = 1) -> None:
        """Make blocks be there and writable, all of them or none.

        PlugError if a page cannot be had: the memory is then as it was, to the byte. ValueError
        where a block is plugged already.
        """
        self._check(first, count, PLUGGED, "plugged already")
        offset, length = first * self.block_bytes, count * self.block_bytes
        try:
            self.memory.populate_write(offset, length, threads=threads)
        except PrefaultError as error:
            self._give_back(offset, length)
            block = first + error.page * self.memory.backing.page_size_bytes // self.block_bytes
            self._set(first, count, UNPLUGGED)
            self._set(block, 1, FAILED)
            name = ERRNO_NAMES.get(error.errno or 0, "")
            together = f", so none of the {count} is" if count > 1 else ""
            raise PlugError(
                error.errno or 0,
                f"block {block} cannot be plugged ({name}){together}: free memory where it comes "
                "from, or unplug others",
                block=block,
            ) from None
        except BaseException:  # Ctrl-C
            self._give_back(offset, length)
            raise
        self._set(first, count, PLUGGED)

    def unplug(self, first: int, count: int = 1) -> None:
        """Give the memory of blocks back. ValueError where one is not plugged."""
        self._check(first, count, UNPLUGGED, "not plugged")
        self._check(first, count, FAILED, "not plugged")
        self._give_back(first * self.block_bytes, count * self.block_bytes)
        self._set(first, count, UNPLUGGED)

    def account(self) -> Account:
        """What the device has, holds, and takes."""
        usage = self.memory.usage()
        if self.memory.backing.is_hugetlb:
            resident = (usage.private_hugetlb or 0) + (usage.shared_hugetlb or 0)
        else:
            resident = usage.rss or 0
        taken = resident if self.memory.fd < 0 else os.fstat(self.memory.fd).st_blocks * 512
        if self.memory.sharing == "private" and self.memory.fd >= 0:
            taken += usage.anonymous or 0
        return Account(self.states.count(PLUGGED) * self.block_bytes, resident, taken)

    def _check(self, first: int, count: int, wrong: str, text: str) -> None:
        if count < 1 or first < 0 or first + count > len(self.states):
            raise ValueError(f"there are blocks 0 to {len(self.states) - 1}")
        for block in range(first, first + count):
            if self.states[block] == wrong:
                raise ValueError(f"block {block} is {text}")

    def _set(self, first: int, count: int, state: str) -> None:
        self.states[first : first + count] = [state] * count

    def _give_back(self, offset: int, length: int) -> None:
        kind = "file" if self.memory.backing.has_file else "anon"
        for call in DISCARDS[kind, self.memory.sharing]:
            if call == "punch_hole":
                self.memory.punch_hole(offset, length)
            else:
                self.memory.advise(call, offset, length)

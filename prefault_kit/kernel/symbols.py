"""The place in the code behind an address: a file, an offset, and the function where it has a name.

Functions come from the symbol tables of the ELF file (``.symtab``, else ``.dynsym``, which a
stripped library still has for what it exports). Lines need debug information: ``addr2line`` has
them, and a :class:`Place` says how to call it. What an interpreter executes has no symbols: the
place is in the interpreter.
"""

from __future__ import annotations

import functools
import os
import shlex
import stat
from dataclasses import dataclass

from prefault_kit.kernel.address_space import AddressSpace, Region, path_of
from prefault_kit.kernel.native import ffi, lib

MOST_NAME_BYTES = 512
"""C++ has long names; what is behind is cut."""
KERNEL = 1 << 63
"""Addresses from here on are the kernel's, on the architectures that divide so."""


@dataclass(frozen=True)
class Place:
    """A place in the code."""

    address: int
    file: str = ""
    """The file that is mapped there, or the mapping's name; empty where nothing is known."""
    offset: int = 0
    """Bytes in the file."""
    function: str | None = None
    distance: int = 0
    """Bytes behind the beginning of the function."""
    executable: bool = False
    """Whether it lies in memory that may be executed: else it is no place in code."""
    code_address: int | None = None
    """The address that the file's own tables give it."""

    @property
    def command(self) -> str | None:
        """The shell command that tells the line, where the file has debug information."""
        if self.code_address is None:
            return None
        return f"addr2line -fCie {shlex.quote(self.file)} {self.code_address:#x}"

    def __str__(self) -> str:
        """``function+0x12 (file+0x3456)``, or what is known of it."""
        if not self.file:
            return f"{self.address:#x}"
        where = f"{self.file}+{self.offset:#x}"
        return f"{self.function}+{self.distance:#x} ({where})" if self.function else where


def place(address: int, space: AddressSpace, pid: int | None = None) -> Place:
    """The place of an address of a process with these mappings; never an error.

    ``pid`` is of a process that lives, whose files may be a container's.
    """
    found = space.find(address)
    if found is None:
        return Place(address, "[kernel]" if address >= KERNEL else "", executable=address >= KERNEL)
    offset = found.offset + address - found.address
    path = path_of(found, pid) if "x" in found.permissions else None
    if path is None:
        executable = "x" in found.permissions
        return Place(address, found.name or "[anonymous]", offset, executable=executable)
    return _in_file(address, path, found, offset)


def _in_file(address: int, path: str, found: Region, offset: int) -> Place:
    named = _symbol(path, found.inode, offset)
    if named is None:
        return Place(address, found.name, offset, executable=True)
    code_address, function, distance = named
    return Place(address, found.name, offset, function, distance, True, code_address)


def begin_of_function(path: str, offset: int) -> int | None:
    """Where in an ELF file the function begins that a place is in, in bytes; None without a name.

    >>> begin_of_function("/nowhere", 5) is None
    True
    """
    named = _now(path, offset)
    return None if named is None or named[1] is None else offset - named[2]


def code_address(path: str, offset: int) -> int | None:
    """The address that an ELF file's own tables give to an offset; None where it is no such file.

    >>> code_address("/nowhere", 5) is None
    True
    """
    named = _now(path, offset)
    return None if named is None else named[0]


def _now(path: str, offset: int) -> tuple[int, str | None, int] | None:
    """:func:`_symbol` of the file that is there now."""
    try:
        return _symbol(path, os.stat(path).st_ino, offset)
    except OSError:
        return None


@functools.lru_cache(maxsize=4096)
def _symbol(path: str, inode: int, offset: int) -> tuple[int, str | None, int] | None:
    """The address by the file's tables, the function, and how far behind its beginning.

    None where that is no ELF file, or another file has taken its place meanwhile.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        about = os.fstat(fd)
        if about.st_ino != inode or not stat.S_ISREG(about.st_mode):
            return None
        address, distance = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        name = ffi.new("char[]", MOST_NAME_BYTES)
        result = lib.pf_elf_symbol(fd, offset, address, distance, name, MOST_NAME_BYTES)
    finally:
        os.close(fd)
    if result < 0:
        return None
    function = (
        ffi.buffer(name)[:].partition(b"\0")[0].decode("utf-8", "replace") if result else None
    )
    return int(address[0]), function, int(distance[0])

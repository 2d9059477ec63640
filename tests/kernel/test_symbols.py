"""Places in the code: file, offset, function; and files that lie about themselves."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel import address_space, symbols
from prefault_kit.kernel.address_space import AddressSpace, Region
from prefault_kit.kernel.native import ffi, lib

LIBRARY = Path(sys.modules["prefault_kit.kernel.native._prefault"].__file__)


def own() -> tuple[int, Region, AddressSpace]:
    """Where the kit's C is in this process: its first executable byte."""
    space = address_space.of()
    code = next(each for each in space if each.name == str(LIBRARY) and "x" in each.permissions)
    return code.address, code, space


def test_a_place_in_a_library() -> None:
    """Its file and offset; the function where a symbol table has it, as nm says."""
    address, code, space = own()
    if shutil.which("nm") is None:
        pytest.skip("needs nm: sudo apt install binutils")
    listed = subprocess.run(
        ["nm", "--defined-only", LIBRARY], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    value = int(listed[listed.index("pf_perf_drain") - 2], 16)
    plain = symbols.place(address, space)
    assert plain.code_address is not None
    shift = plain.code_address - code.offset
    found = symbols.place(value - shift - code.offset + code.address + 3, space)
    assert (found.function, found.distance, found.file) == ("pf_perf_drain", 3, str(LIBRARY))
    assert found.command == f"addr2line -fCie {shlex.quote(str(LIBRARY))} {value + 3:#x}"
    assert str(found).startswith("pf_perf_drain+0x3 (")


def test_what_is_no_code() -> None:
    """The heap, the kernel, nowhere: no function, and never an error."""
    space = AddressSpace([Region(0x1000, 0x1000, "rw-p"), Region(0x4000, 4, "rw-p", name="[heap]")])
    assert str(symbols.place(0x1010, space)) == "[anonymous]+0x10"
    assert str(symbols.place(0x4001, space)) == "[heap]+0x1"
    assert str(symbols.place(0x9000, space)) == "0x9000"
    assert symbols.place(0x9000, space).command is None
    assert not symbols.place(0x1010, space).executable
    assert symbols.place(symbols.KERNEL + 1, space).file == "[kernel]"


def test_another_file_in_its_place(tmp_path: Path) -> None:
    """A file that is not the one which is mapped is not asked; nor a FIFO, nor one that is gone."""
    copy = tmp_path / "copy"
    shutil.copy(LIBRARY, copy)
    inode = copy.stat().st_ino
    _, code, _ = own()

    def there(name: Path, number: int) -> symbols.Place:
        space = AddressSpace(
            [Region(0x1000, 0x1000, "r-xp", code.offset, (0, 1), number, str(name))]
        )
        return symbols.place(0x1000, space)

    assert there(copy, inode).code_address is not None
    assert there(copy, inode + 1).code_address is None
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert there(fifo, fifo.stat().st_ino).code_address is None
    assert there(tmp_path / "gone", 1) == symbols.Place(
        0x1000, str(tmp_path / "gone"), code.offset, executable=True
    )


def asked(path: Path, offset: int) -> int:
    """What the C says of a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        numbers = ffi.new("uint64_t[2]")
        name = ffi.new("char[]", 64)
        return lib.pf_elf_symbol(fd, offset, numbers, numbers + 1, name, 64)
    finally:
        os.close(fd)


def test_damaged_files_end_the_search(tmp_path: Path) -> None:
    """Cut at any place, or with any byte of its head changed: an answer, and no crash."""
    whole = LIBRARY.read_bytes()
    _, code, _ = own()
    bad = tmp_path / "bad"
    for cut in (0, 3, 16, 63, 64, 200, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:cut])
        assert asked(bad, code.offset) <= 1
    for at in range(64):
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert asked(bad, code.offset) <= 1
    assert asked(LIBRARY, 1 << 62) == -2  # ENOENT: loaded nowhere
    assert asked(Path(__file__), 0) == -8  # ENOEXEC
    assert asked(Path(sys.executable), 0) <= 1

"""Where in a program a mapping was made: files and offsets, with names where symbols are there.

The chain of frame pointers is followed where there is one. Most libraries have none, so the words
on the stack that look like return addresses follow: those behind a call instruction of code. Words
of functions that have returned already lie between them, so a call has to lead to the place that
was found before it, where that can be told. Such a place is evidence and no proof.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from prefault_kit.kernel import symbols
from prefault_kit.kernel.tracer import Event

LOAD, SYMTAB = 1, 2
"""Of a part of an ELF file, and of a section (elf(5))."""
STACK_BYTES = 4096
MOST_PLACES = 8
UNNAMED_BYTES = 4096
"""How far behind a call's target a place may be in a function without a name."""
CALL, CALL_BY_SLOT, JUMP_BY_SLOT = 0xE8, b"\xff\x15", b"\xff\x25"
ENDBR64, BND = b"\xf3\x0f\x1e\xfa", b"\xf2"
"""Instructions of x86-64."""
PATIENCE_S = 20
"""How long a file's symbols are waited for."""


@dataclass(frozen=True)
class Code:
    """Executable memory of a file: addresses and the file's offset, in bytes."""

    begin: int
    end: int
    offset: int
    path: str


@dataclass(frozen=True)
class Place:
    """A place in a file of code."""

    path: str
    offset: int
    """In the file, in bytes: of the instruction behind the call."""
    symbol: str | None = None

    def __str__(self) -> str:
        name = f"{os.path.basename(self.path)}+0x{self.offset:x}"
        return f"{self.symbol} ({name})" if self.symbol else name


def parse_code(lines: Iterable[str]) -> list[Code]:
    """The executable parts of files in the text of /proc/PID/maps."""
    found = []
    for line in lines:
        words = line.split(None, 5)
        if len(words) == 6 and "x" in words[1] and words[5].startswith("/"):
            begin, _, end = words[0].partition("-")
            found.append(
                Code(int(begin, 16), int(end, 16), int(words[2], 16), words[5].rstrip("\n"))
            )
    return found


def _code_at(codes: Sequence[Code], address: int) -> Code | None:
    return next((each for each in codes if each.begin < address < each.end), None)


def is_behind_call(before: bytes, machine: str = "x86_64") -> bool:
    """Whether an instruction that calls ends where these bytes end, of which there are 7.

    >>> is_behind_call(bytes.fromhex("90 90 e8 00 00 00 00")), is_behind_call(b"\\x90" * 7)
    (True, False)
    """
    if len(before) < 7:
        return False
    if machine == "aarch64":
        word = int.from_bytes(before[-4:], "little")
        return word >> 26 == 0b100101 or word & 0xFFFFFC1F == 0xD63F0000  # BL, BLR
    if before[-5] == 0xE8:
        return True
    # FF /2, with no more than a displacement of 4 bytes and a SIB byte
    return any(
        before[-length] == 0xFF and before[-length + 1] >> 3 & 7 == 2 for length in (2, 3, 4, 6, 7)
    )


def of_event(event: Event) -> list[Place]:
    """Where a thread that stands still was called from, the innermost place first.

    Empty where this user may not read its memory.
    """
    try:
        with open(f"/proc/{event.pid}/maps", encoding="utf-8", errors="surrogateescape") as lines:
            codes = parse_code(lines)
        with open(f"/proc/{event.pid}/mem", "rb", buffering=0) as memory:
            return list(_places(event, codes, memory.fileno()))
    except OSError:
        return []


def _read(memory: int, address: int, length: int) -> bytes:
    try:
        return os.pread(memory, length, address)
    except (OSError, OverflowError):
        return b""


def _places(event: Event, codes: Sequence[Code], memory: int) -> Iterator[Place]:
    seen: set[int] = set()
    returns = list(dict.fromkeys(_returns(event, codes, memory)))
    for address in _chained(returns, _Calls(codes, memory)):
        code = _code_at(codes, address)
        if code and address not in seen:
            seen.add(address)
            yield Place(code.path, address - code.begin + code.offset)
            if len(seen) == MOST_PLACES:
                return


def _chained(returns: Sequence[int], calls: _Calls) -> Iterator[int]:
    """Of the addresses that may be returned to, those that belong together.

    The next one out is the first whose call leads to the function that the last one is in. Where
    none does, as behind a call by a pointer, it is the first of which the call is not known to lead
    elsewhere.
    """
    at = 0
    while at < len(returns):
        yield returns[at]
        rest = range(at + 1, len(returns))
        leads = {each: calls.leads(returns[each], returns[at]) for each in rest}
        chosen = next((each for each in rest if leads[each]), None)
        if chosen is None:
            chosen = next((each for each in rest if leads[each] is None), len(returns))
        at = chosen


class _Calls:
    """Where the calls of a process that stands still lead to (x86-64)."""

    def __init__(self, codes: Sequence[Code], memory: int) -> None:
        self._codes, self._memory = codes, memory
        self._targets: dict[int, int | None] = {}

    def leads(self, back: int, inner: int) -> bool | None:
        """Whether the call before ``back`` leads to the function of ``inner``; None: not known."""
        if back not in self._targets:
            self._targets[back] = self._target(back)
        target = self._targets[back]
        code = _code_at(self._codes, inner)
        if target is None or code is None:
            return None
        if not code.begin <= target <= inner:
            return False
        begin = symbols.begin_of_function(code.path, inner - code.begin + code.offset)
        if begin is None:
            return inner - target < UNNAMED_BYTES or None
        return target >= begin + code.begin - code.offset

    def _target(self, back: int) -> int | None:
        if os.uname().machine != "x86_64":
            return None
        before = _read(self._memory, back - 6, 6)
        if len(before) == 6 and before[1] == CALL:
            return self._through(back + int.from_bytes(before[2:], "little", signed=True))
        if before[:2] == CALL_BY_SLOT:
            return self._slot(back, before[2:])
        return None

    def _through(self, target: int) -> int | None:
        """Where a jump through the table of a library's imports leads; else the target itself."""
        stub = _read(self._memory, target, 12)
        stub = stub.removeprefix(ENDBR64)
        begin = target + 12 - len(stub)
        stub, begin = (stub[1:], begin + 1) if stub[:1] == BND else (stub, begin)
        if stub[:2] == JUMP_BY_SLOT:
            return self._slot(begin + 6, stub[2:6])
        return target

    def _slot(self, after: int, displacement: bytes) -> int | None:
        place = after + int.from_bytes(displacement, "little", signed=True)
        found = _read(self._memory, place, 8)
        return int.from_bytes(found, "little") if len(found) == 8 else None


def _returns(event: Event, codes: Sequence[Code], memory: int) -> Iterator[int]:
    """Addresses that may be returned to, the innermost first."""
    yield event.ip
    if event.link:
        yield event.link
    machine = os.uname().machine
    stack = _read(memory, event.sp, STACK_BYTES)
    words = [
        int.from_bytes(stack[at : at + 8], sys.byteorder) for at in range(0, len(stack) - 7, 8)
    ]
    framed = set(_framed(event, memory))
    for word in words:
        code = _code_at(codes, word)
        if code and (word in framed or is_behind_call(_read(memory, word - 7, 7), machine)):
            yield word


def _framed(event: Event, memory: int) -> Iterator[int]:
    """The return addresses of the frame pointers' chain."""
    frame = event.frame
    for _ in range(32):
        pair = _read(memory, frame, 16)
        if frame < event.sp or len(pair) < 16:
            return
        above, back = (int.from_bytes(pair[at : at + 8], sys.byteorder) for at in (0, 8))
        yield back
        if above <= frame:
            return
        frame = above


def named(places: Sequence[Place]) -> list[Place]:
    """Give places the names of their functions, by addr2line, where it and symbols are there."""
    tool = shutil.which("addr2line")
    names: dict[tuple[str, int], str] = {}
    for path in {each.path for each in places} if tool else ():
        offsets = sorted({each.offset for each in places if each.path == path})
        addresses = _virtual(path, offsets)
        if addresses is None:
            continue
        words = [str(tool), "-f", "-C", "-e", path, *(hex(each - 1) for each in addresses)]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S,
                check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            continue
        lines = done.stdout.splitlines()
        for offset, function, line in zip(offsets, lines[::2], lines[1::2], strict=False):
            if function != "??":
                where = os.path.basename(line.partition(" ")[0])
                known = not where.startswith("?") and not where.endswith(":?")
                names[path, offset] = f"{function} at {where}" if known else function
    return [Place(each.path, each.offset, names.get((each.path, each.offset))) for each in places]


def _virtual(path: str, offsets: Sequence[int]) -> list[int] | None:
    """The addresses that an ELF file gives to offsets in it.

    None where it is no such file, or was stripped of its symbols: those that it exports are left,
    and the nearest of them is the name of another function.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if len(head) < 64 or head[:5] != b"\x7fELF\x02":
                return None
            order: Literal["little", "big"] = "little" if head[5] == 1 else "big"
            parts, sections = (
                _table(file, head, order, *place) for place in ((32, 54, 56), (40, 58, 60))
            )
    except (OSError, ValueError):  # a place that no file has
        return None
    if not any(int.from_bytes(each[4:8], order) == SYMTAB for each in sections):
        return None
    loads = [
        tuple(int.from_bytes(each[at : at + 8], order) for at in (8, 16, 32))
        for each in parts
        if int.from_bytes(each[:4], order) == LOAD
    ]
    found = []
    for offset in offsets:
        load = next((each for each in loads if each[0] <= offset < each[0] + each[2]), None)
        if load is None:
            return None
        found.append(offset - load[0] + load[1])
    return found


def _table(
    file: BinaryIO, head: bytes, order: Literal["little", "big"], start: int, size: int, count: int
) -> list[bytes]:
    """The entries of a table of an ELF file, whose place, size and number the head has there."""
    place = int.from_bytes(head[start : start + 8], order)
    each, number = (int.from_bytes(head[at : at + 2], order) for at in (size, count))
    file.seek(place)
    data = file.read(each * number)
    return [data[at : at + each] for at in range(0, len(data), each)] if each else []

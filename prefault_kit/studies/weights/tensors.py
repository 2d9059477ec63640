"""Where the tensors of a file lie: read from a safetensors header, or made up for a made file.

The format: 8 bytes, little endian, say how long a JSON object is that gives each tensor's type,
shape and place behind it (https://github.com/huggingface/safetensors, README, Format).
"""

from __future__ import annotations

import itertools
import json
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.start_state import filling
from prefault_kit.memory.backing import Backing

LENGTH_BYTES = 8
MOST_HEADER_BYTES = 100_000_000
"""What the format allows."""
CHUNK_BYTES = 1 << 20
"""A made file is written so much at a time, so that the page cache may hold it in large folios."""
ELEMENT_BYTES = 2
"""Of F16."""


class Tensor(NamedTuple):
    """A tensor's name, and its bytes in the file."""

    name: str
    offset: int
    length: int


class Span(NamedTuple):
    """Whole pages of a file, in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte behind."""
        return self.offset + self.length


def header(sizes_bytes: list[int], length: int) -> bytes:
    """The first ``length`` bytes of a safetensors file with tensors of these sizes."""
    entries: dict[str, Any] = {}
    at = 0
    for number, size in enumerate(sizes_bytes):
        entries[f"layers.{number}.weight"] = {
            "dtype": "F16",
            "shape": [size // ELEMENT_BYTES],
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    room = length - LENGTH_BYTES
    if len(text) > room:
        raise ValueError(
            f"{len(sizes_bytes)} tensors need a header of {len(text)} bytes, and there is room for "
            f"{room}: choose fewer tensors, or a larger file"
        )
    return struct.pack("<Q", room) + text.ljust(room)


def made(directory: str, size_bytes: int, tensors: int) -> int:
    """A safetensors file of so many bytes, without a name: its descriptor.

    The header takes whole pages, so every tensor begins where a page does. OSError as the file
    system says; ValueError where the tensors do not fit.
    """
    head, sizes = layout(size_bytes, tensors)
    first = header(sizes, head)
    fd = Backing.file(directory).open()
    try:
        for _ in filling(fd, size_bytes, CHUNK_BYTES):
            pass
        os.pwrite(fd, first, 0)
        os.fsync(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def layout(size_bytes: int, tensors: int) -> tuple[int, list[int]]:
    """The header's length and the tensors' sizes of a made file: whole pages each."""
    pages = size_bytes // PAGE_SIZE_BYTES
    entry_bytes = 128  # of the header, at most
    head = -(-(LENGTH_BYTES + tensors * entry_bytes) // PAGE_SIZE_BYTES)
    if pages - head < tensors:
        raise ValueError(
            f"a file of {size_bytes} bytes has no room for {tensors} tensors of a page each: "
            "choose fewer tensors, or a larger file"
        )
    borders = [(pages - head) * each // tensors for each in range(tensors + 1)]
    sizes = [(end - begin) * PAGE_SIZE_BYTES for begin, end in itertools.pairwise(borders)]
    return head * PAGE_SIZE_BYTES, sizes


def of_file(fd: int) -> list[Tensor]:
    """The tensors of a safetensors file, in the order of their places.

    ValueError in a sentence where its header is none, or lies about its sizes.
    """
    size_bytes = os.fstat(fd).st_size
    head = os.pread(fd, LENGTH_BYTES, 0)
    if len(head) < LENGTH_BYTES:
        raise ValueError(f"a file of {size_bytes} bytes is no safetensors file: it is too short")
    (length,) = struct.unpack("<Q", head)
    if length > min(MOST_HEADER_BYTES, size_bytes - LENGTH_BYTES):
        raise ValueError(
            f"this is no safetensors file: its header says that it is {length} bytes long, and the "
            f"file has {size_bytes}"
        )
    try:
        entries = json.loads(os.pread(fd, length, LENGTH_BYTES))
        found = [
            Tensor(str(name), *(int(each) for each in entry["data_offsets"]))
            for name, entry in entries.items()
            if name != "__metadata__"
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"this is no safetensors file: its header is not the object that it should be ({error})"
        ) from None
    begin = LENGTH_BYTES + length
    for name, first, last in found:  # ends, so far, not lengths
        if not 0 <= first <= last <= size_bytes - begin:
            raise ValueError(
                f"the header lies: tensor {name!r} is said to be at {first} to {last} of "
                f"{size_bytes - begin} bytes"
            )
    tensors = [Tensor(name, begin + first, last - first) for name, first, last in found]
    return sorted((each for each in tensors if each.length), key=lambda each: each.offset)


def slices(size_bytes: int, count: int, *, begin: int = 0) -> list[Tensor]:
    """A file of another format, taken as ``count`` equal parts, from ``begin`` on."""
    borders = [begin + (size_bytes - begin) * each // count for each in range(count + 1)]
    return [
        Tensor(f"part {number}", first, last - first)
        for number, (first, last) in enumerate(itertools.pairwise(borders))
        if last > first
    ]


def spread(tensors: list[Tensor], part: float) -> list[Tensor]:
    """A part of the tensors, at least one: every so many, from the first on.

    >>> [each.name for each in spread(slices(1 << 20, 8), 0.25)]
    ['part 0', 'part 4']
    """
    count = max(1, round(len(tensors) * part))
    return [tensors[len(tensors) * each // count] for each in range(count)]


def whole_pages(size_bytes: int) -> int:
    """A size, rounded up to whole pages."""
    return -(-size_bytes // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES


def span(tensor: Tensor) -> Span:
    """The pages that a tensor lies in.

    >>> span(Tensor("w", 1, PAGE_SIZE_BYTES)) == Span(0, 2 * PAGE_SIZE_BYTES)
    True
    """
    begin = tensor.offset - tensor.offset % PAGE_SIZE_BYTES
    end = whole_pages(tensor.offset + tensor.length)
    return Span(begin, end - begin)


def runs(spans: list[Span]) -> list[Span]:
    """Spans in their order, those that touch or overlap as one: what they cover, each page once."""
    found: list[Span] = []
    for each in spans:
        if found and found[-1].offset <= each.offset <= found[-1].end:
            end = max(each.end, found[-1].end)
            found[-1] = Span(found[-1].offset, end - found[-1].offset)
        else:
            found.append(each)
    return found


def windows(spans: list[Span], window_bytes: int) -> Iterator[Span]:
    """Pieces of at most ``window_bytes`` that cover spans in their order, and nothing else.

    >>> page = PAGE_SIZE_BYTES
    >>> pieces = windows([Span(0, 3 * page), Span(3 * page, page)], 2 * page)
    >>> [each.length // page for each in pieces]
    [2, 2]
    """
    for run in runs(spans):
        for offset in range(run.offset, run.end, window_bytes):
            yield Span(offset, min(window_bytes, run.end - offset))

"""Where the tensors of a file lie; and a safetensors file that is made.

The format of what is made: 8 bytes, little endian, say how long a JSON object is that gives each
tensor's type, shape and place behind it (https://github.com/huggingface/safetensors, README).
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.start_state import filling
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.weights import weights

LENGTH_BYTES = 8
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
    return room.to_bytes(LENGTH_BYTES, "little") + text.ljust(room)


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
    """The tensors of a safetensors or GGUF file, in the order of their places.

    ValueError in a sentence where the file is neither, or its header lies.
    """
    name = f"/proc/self/fd/{fd}"  # so that it is the file that is open, whatever its path leads to
    try:
        found = weights(name)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{name}: ")) from None
    tensors = [
        Tensor(each.name, each.offset_bytes, each.size_bytes)
        for each in found.values()
        if each.size_bytes
    ]
    return sorted(tensors, key=lambda each: each.offset)


def slices(size_bytes: int, count: int, *, begin: int = 0) -> list[Tensor]:
    """A file without a header, taken as ``count`` equal parts, from ``begin`` on."""
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

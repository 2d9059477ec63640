"""Weights: the tensors of a safetensors or GGUF file, by name, as parts of that file.

The header alone is read, and believed in nothing: whatever it says of sizes and places is held
against the file first. Sources: the formats' own descriptions, safetensors' README and GGUF's
gguf.md (versions 2 and 3, either byte order).
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NoReturn

from prefault_kit.memory.file_part import FilePart, Identity, open_regular

MOST_HEADER_BYTES = 100_000_000
"""Of a header; the limit that safetensors sets itself."""
MOST_DIMENSIONS = 64
"""Of a tensor: more multiply to numbers that take long to compute."""
MOST_NESTING = 4
"""Of arrays in arrays, in GGUF's metadata."""
BITS: dict[str, int] = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
"""Of an element of safetensors' types; of a type that is not known here the size is not checked."""
BLOCKS: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
"""GGUF's types: a name, elements in a block, bytes of a block."""
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of GGUF's kinds of metadata; beside them there are text and array."""
TEXT, ARRAY, UINT32 = 8, 9, 4


@dataclass(frozen=True)
class Tensor(FilePart):
    """A tensor as a part of its file; what its numbers are does not matter to pages."""

    name: str = ""
    dtype: str = ""
    shape: tuple[int, ...] = ()


class Weights(Mapping[str, Tensor]):
    """The tensors of a file, by name, in the order of the header; KeyError for no such name."""

    def __init__(self, path: str, tensors: dict[str, Tensor]) -> None:
        self.path = path
        self._tensors = tensors

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._tensors[name]
        except KeyError:
            raise KeyError(f"{self.path} has no tensor {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        size = sum(each.size_bytes for each in self._tensors.values())
        return f"Weights({self.path!r}: {len(self)} tensors, {size:,} bytes)"


def weights(path: str | os.PathLike[str]) -> Weights:
    """The tensors of a safetensors or GGUF file; which of them it is, its first bytes say.

    >>> import pathlib, tempfile
    >>> header = b'{"layer.0": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}'
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "model.safetensors")
    ...     _ = path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(24))
    ...     tensor = weights(path)["layer.0"]
    >>> tensor.dtype, tensor.shape, tensor.offset_bytes, tensor.size_bytes
    ('F32', (2, 3), 79, 24)

    Each can be handed to :func:`~prefault_kit.prefault`, ``residency`` and ``page_map``, which then
    work on its part of the page cache. Only the header is read. ValueError says in a sentence where
    the header and the file disagree; OSError where it cannot be read.
    """
    name = os.fsdecode(path)
    fd = open_regular(name)
    with os.fdopen(fd, "rb") as file:
        identity = Identity.of(fd)
        try:
            found = (_gguf if file.peek(4)[:4] == b"GGUF" else _safetensors)(file, identity)
        except _HeaderError as error:
            raise ValueError(f"{name}: {error}") from None
    return Weights(
        name,
        {
            each: Tensor(name, offset, size, identity, each, dtype, shape)
            for each, (dtype, shape, offset, size) in found.items()
        },
    )


class _HeaderError(Exception):
    """What is wrong with a header."""


_Found = dict[str, tuple[str, tuple[int, ...], int, int]]
"""Name -> type, shape, offset in the file, size; in bytes."""


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


# safetensors


def _safetensors(file: BinaryIO, identity: Identity) -> _Found:
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or not 2 <= length <= identity.size_bytes - 8:
        raise _HeaderError(
            f"this is neither a safetensors nor a GGUF file, or it is cut short: a header of "
            f"{length} bytes does not fit into its {identity.size_bytes} bytes"
        )
    if length > MOST_HEADER_BYTES:
        raise _HeaderError(f"its header of {length} bytes is above the {MOST_HEADER_BYTES} allowed")
    text = file.read(length)
    if not text.startswith(b"{"):
        raise _HeaderError("this is neither a safetensors nor a GGUF file: no header begins with {")
    begin, end = 8 + length, identity.size_bytes
    found: _Found = {}
    for name, entry in _json(text).items():
        if name != "__metadata__":
            dtype, shape, low, high = _entry(name, entry, end - begin)
            found[name] = dtype, shape, begin + low, high - low
    _without_gaps(found, begin, end)
    return found


def _json(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(
            text.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_no_float
        )
    except UnicodeDecodeError:
        raise _HeaderError("its header is not UTF-8") from None
    except RecursionError:
        raise _HeaderError("its header is nested too deeply") from None
    except ValueError as error:  # and numbers of more digits than Python takes
        raise _HeaderError(f"its header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise _HeaderError("its header is no JSON object")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in pairs:
        if name in known:
            raise _HeaderError(f"its header has {_short(name)} twice")
        known[name] = value
    return known


def _no_number(text: str) -> NoReturn:
    raise _HeaderError(f"its header has {text}, which is no number of JSON's")


def _no_float(text: str) -> NoReturn:
    raise _HeaderError(f"its header has {text[:30]}, where there are whole numbers alone")


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:80] + "...")


def _entry(name: str, entry: Any, room: int) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, begin and end of a tensor in the data of ``room`` bytes."""
    what = f"tensor {_short(name)}"
    if not isinstance(entry, dict):
        raise _HeaderError(f"{what} is described by no JSON object")
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str):
        raise _HeaderError(f"{what} has no dtype")
    if not isinstance(shape, list) or not all(map(_natural, shape)):
        raise _HeaderError(f"{what} has no shape of whole numbers from 0")
    if len(shape) > MOST_DIMENSIONS:
        raise _HeaderError(f"{what} is said to have {len(shape)} dimensions")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_natural, offsets)):
        raise _HeaderError(f"{what} has no data_offsets of two whole numbers from 0")
    low, high = offsets
    if not low <= high <= room:
        raise _HeaderError(
            f"{what} is said to lie at {low} to {high} of {room} bytes of data"
            + (": the file is cut short, or its header lies" if high > room else "")
        )
    if dtype in BITS and math.prod(shape) * BITS[dtype] != (high - low) * 8:
        raise _HeaderError(
            f"{what} of {dtype} in shape {shape} takes {math.prod(shape) * BITS[dtype] // 8} "
            f"bytes, but is said to have {high - low}"
        )
    return dtype, tuple(shape), low, high


def _without_gaps(found: _Found, begin: int, end: int) -> None:
    """The format's rule that tensors follow one another, without overlap and without a hole."""
    at = begin
    for name, (_, _, offset, size) in sorted(found.items(), key=lambda item: item[1][2:]):
        if offset != at:
            how = "overlaps the one before it" if offset < at else "leaves a hole before it"
            raise _HeaderError(f"tensor {_short(name)} {how}")
        at += size
    if at != end:
        raise _HeaderError(f"{end - at} bytes at the end of the file belong to no tensor")


# GGUF


class _Reader:
    """Numbers and texts of a GGUF header, none of which may lie beyond the file or the limit."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self.left = min(size_bytes, MOST_HEADER_BYTES)
        self.order: Literal["little", "big"] = "little"

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise _HeaderError(
                "its header is cut short, longer than "
                f"{MOST_HEADER_BYTES} bytes, or says sizes that are not true"
            )
        self.left -= count
        data = self._file.read(count)
        if len(data) < count:
            raise _HeaderError("the file was truncated while it was read")
        return data

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), self.order)

    def text(self) -> str:
        data = self.take(self.number(8))
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise _HeaderError("its header has a name that is not UTF-8") from None

    def many(self, least_bytes: int) -> int:
        """A count of things that take at least so many bytes each."""
        count = self.number(8)
        if count * least_bytes > self.left:
            raise _HeaderError(f"its header says that {count} follow, for which it is too short")
        return count

    def skip(self, kind: int, depth: int = 0) -> None:
        """Read over a value of metadata."""
        if kind in SCALARS:
            self.take(SCALARS[kind])
        elif kind == TEXT:
            self.take(self.number(8))
        elif kind == ARRAY and depth < MOST_NESTING:
            inner = self.number(4)
            if inner in SCALARS:
                self.take(self.many(SCALARS[inner]) * SCALARS[inner])
            else:
                for _ in range(self.many(8 if inner == TEXT else 12)):
                    self.skip(inner, depth + 1)
        else:
            raise _HeaderError(f"its metadata has a value of the unknown kind {kind}")


def _gguf(file: BinaryIO, identity: Identity) -> _Found:
    reader = _Reader(file, identity.size_bytes)
    reader.take(4)
    version = reader.number(4)
    if version and not version & 0xFFFF:  # a small number in the other byte order
        reader.order, version = "big", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in (2, 3):
        raise _HeaderError(f"it is GGUF of version {version}; 2 and 3 are known here")
    tensors = reader.many(24)
    alignment = 32
    seen: set[str] = set()
    for _ in range(reader.many(13)):
        key, kind = reader.text(), reader.number(4)
        if key in seen:
            raise _HeaderError(f"its header has {_short(key)} twice")
        seen.add(key)
        if key == "general.alignment" and kind == UINT32:
            alignment = reader.number(4)
            if not alignment or alignment % 8 or alignment > 1 << 30:
                raise _HeaderError(f"its alignment of {alignment} is no multiple of 8 bytes")
        else:
            reader.skip(kind)
    told: dict[str, tuple[int, tuple[int, ...], int]] = {}
    for _ in range(tensors):
        name = reader.text()
        if name in told:
            raise _HeaderError(f"its header has {_short(name)} twice")
        dimensions = reader.number(4)
        if dimensions > MOST_DIMENSIONS:
            raise _HeaderError(f"tensor {_short(name)} is said to have {dimensions} dimensions")
        shape = tuple(reader.number(8) for _ in range(dimensions))[::-1]
        told[name] = reader.number(4), shape, reader.number(8)
    read = min(identity.size_bytes, MOST_HEADER_BYTES) - reader.left
    return _placed(told, -(-read // alignment) * alignment, alignment, identity.size_bytes)


def _placed(
    told: dict[str, tuple[int, tuple[int, ...], int]], begin: int, alignment: int, end: int
) -> _Found:
    """The tensors of a GGUF file by what its header tells: type, shape (slowest first), offset."""
    borders = sorted({offset for _, _, offset in told.values()} | {max(0, end - begin)})
    following = dict(itertools.pairwise(borders))
    found: _Found = {}
    for name, (kind, shape, offset) in told.items():
        what = f"tensor {_short(name)}"
        if offset % alignment:
            raise _HeaderError(f"{what} does not begin at a multiple of {alignment} bytes")
        room = following.get(offset)
        if begin + offset > end or (room is None and begin + offset != end):
            raise _HeaderError(
                f"{what} is said to begin at {offset} of {max(0, end - begin)} bytes of data: the "
                "file is cut short, or its header lies"
            )
        room = offset if room is None else room
        if kind in BLOCKS:
            dtype, elements, block = BLOCKS[kind]
            if shape and shape[-1] % elements:
                raise _HeaderError(f"{what} of {dtype} has rows of no whole blocks of {elements}")
            size = math.prod(shape) // elements * block
        else:  # a kind that is newer than the kit: as far as the next one
            dtype, size = f"type {kind}", room - offset
        if begin + offset + size > end:
            raise _HeaderError(
                f"{what} of {dtype} in shape {list(shape)} takes {size} bytes, but the file ends "
                f"{end - begin - offset} bytes behind its begin: it is cut short, or its header "
                "lies"
            )
        if offset + size > room:
            raise _HeaderError(f"{what} overlaps the one behind it")
        found[name] = dtype, shape, begin + offset, size
    starts = [offset for _, _, offset, size in found.values() if size]
    if len(set(starts)) < len(starts):
        raise _HeaderError("two of its tensors are said to begin at the same place")
    return found

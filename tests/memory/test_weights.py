"""prefault_kit.memory.weights: tensors by name, out of headers that may lie."""

import json
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import prefault, residency, weights
from prefault_kit.memory.weights import BITS, BLOCKS, MOST_HEADER_BYTES

GOOD: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
    "none": {"dtype": "I64", "shape": [0, 7], "data_offsets": [26, 26]},
}


def safetensors(path: Path, header: Any = GOOD, data: int = 26, length: int | None = None) -> Path:
    """A file with a header, as an object or as text, and bytes of data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    said = len(text) if length is None else length
    path.write_bytes(said.to_bytes(8, "little") + text + bytes(data))
    return path


def changed(**fields: Any) -> dict[str, Any]:
    """The good header with other fields of its first tensor."""
    return GOOD | {"a": GOOD["a"] | fields}


def text(value: str, order: str = "<") -> bytes:
    """A text of GGUF's."""
    return struct.pack(order + "Q", len(value.encode())) + value.encode()


def gguf(
    path: Path,
    tensors: list[tuple[str, list[int], int, int]],
    *,
    data: int,
    metadata: bytes = b"",
    keys: int = 0,
    order: str = "<",
    version: int = 3,
    alignment: int = 32,
    count: int | None = None,
) -> Path:
    """A GGUF file: of each tensor its name, dimensions (fastest first), type and offset."""
    header = b"GGUF" + struct.pack(
        order + "IQQ", version, len(tensors) if count is None else count, keys
    )
    header += metadata
    for name, dimensions, kind, offset in tensors:
        header += text(name, order) + struct.pack(order + "I", len(dimensions))
        header += b"".join(struct.pack(order + "Q", each) for each in dimensions)
        header += struct.pack(order + "IQ", kind, offset)
    header += bytes(-len(header) % alignment)
    path.write_bytes(header + bytes(data))
    return path


def test_safetensors(tmp_path: Path) -> None:
    """Type, shape and place of each; metadata is none."""
    path = safetensors(tmp_path / "model.safetensors")
    found = weights(path)
    begin = os.stat(path).st_size - 26
    assert list(found) == ["a", "b", "none"]
    assert (found["a"].dtype, found["a"].shape) == ("F32", (2, 3))
    places = [(each.offset_bytes - begin, each.size_bytes) for each in found.values()]
    assert places == [(0, 24), (24, 2), (26, 0)]
    assert found.path == str(path)
    assert "3 tensors, 26 bytes" in repr(found)
    assert weights(os.fsencode(path))["a"] == found["a"]
    with pytest.raises(KeyError, match="has no tensor 'c'"):
        found["c"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_gguf(tmp_path: Path, order: str) -> None:
    """In either byte order, with metadata of every kind and another alignment."""
    metadata = text("general.alignment", order) + struct.pack(order + "II", 4, 64)
    metadata += text("name", order) + struct.pack(order + "I", 8) + text("llama", order)
    metadata += text("tokens", order) + struct.pack(order + "IIQ", 9, 8, 2)
    metadata += text("x", order) + text("y", order)
    metadata += text("numbers", order) + struct.pack(order + "IIQ", 9, 10, 3) + bytes(24)
    metadata += text("nested", order) + struct.pack(order + "IIQ", 9, 9, 1)
    metadata += struct.pack(order + "IQH", 2, 1, 5)
    metadata += text("yes", order) + struct.pack(order + "IB", 7, 1)
    tensors = [("t", [300, 5], 0, 0), ("q", [256, 2], 2, 6016), ("new", [9], 99, 6336)]
    path = gguf(
        tmp_path / "m", tensors, data=6400, metadata=metadata, keys=6, order=order, alignment=64
    )
    found = weights(path)
    begin = os.stat(path).st_size - 6400
    assert [(each.dtype, each.shape) for each in found.values()] == [
        ("F32", (5, 300)),
        ("Q4_0", (2, 256)),
        ("type 99", (9,)),
    ]
    places = [(each.offset_bytes - begin, each.size_bytes) for each in found.values()]
    assert places == [(0, 6000), (6016, 288), (6336, 64)]  # the unknown one reaches to the end


def test_a_tensor_is_prefaulted_alone(tmp_path: Path) -> None:
    """Its pages of the page cache, and no others of the file are counted."""
    header = {
        name: {"dtype": "U8", "shape": [1 << 18], "data_offsets": [at << 18, (at + 1) << 18]}
        for at, name in enumerate("abcd")
    }
    tensor = weights(safetensors(tmp_path / "model", header, 4 << 18))["c"]
    done = prefault(tensor)
    assert done.complete
    assert 1 << 18 <= done.size_bytes <= (1 << 18) + (2 << 16)
    assert residency(tensor).buffer_bytes == 1 << 18


def test_a_file_that_was_replaced_since(tmp_path: Path) -> None:
    """The header was the old file's: an error, and nothing is read."""
    tensor = weights(safetensors(tmp_path / "model"))["a"]
    os.replace(safetensors(tmp_path / "other"), tmp_path / "model")
    for call in (prefault, residency):
        with pytest.raises(OSError, match="replaced"):
            call(tensor)  # type: ignore[operator]


LIES: list[tuple[str, Callable[[Path], Path], str]] = [
    ("nothing", lambda path: safetensors(path, b"", 0), "does not fit into its 8 bytes"),
    ("short", lambda path: _bytes(path, b"abc"), "neither a safetensors nor a GGUF"),
    ("length", lambda path: safetensors(path, length=1 << 60), "does not fit into its"),
    ("no object", lambda path: safetensors(path, b"[1, 2, 3, 4]"), r"no header begins with \{"),
    ("no JSON", lambda path: safetensors(path, b'{"a": '), "is no JSON"),
    ("not UTF-8", lambda path: safetensors(path, b'{"\xff": 1}'), "not UTF-8"),
    (
        "digits",
        lambda path: safetensors(path, b'{"a": ' + b"9" * 10000 + b"}"),
        "is no JSON: Exceeds",
    ),
    ("nested", lambda path: safetensors(path, b'{"a":' + b"[" * 200_000), "nested too deeply"),
    ("NaN", lambda path: safetensors(path, b'{"a": NaN}'), "has NaN"),
    ("infinity", lambda path: safetensors(path, b'{"a": -Infinity}'), "has -Infinity"),
    ("float", lambda path: safetensors(path, changed(data_offsets=[0, 24.0])), "has 24.0, where"),
    ("twice", lambda path: safetensors(path, b'{"a": {}, "a": {}}'), "has 'a' twice"),
    ("no entry", lambda path: safetensors(path, {"a": 3}), "described by no JSON object"),
    ("no dtype", lambda path: safetensors(path, changed(dtype=None)), "has no dtype"),
    ("shape", lambda path: safetensors(path, changed(shape=[-1])), "has no shape of whole"),
    ("bool", lambda path: safetensors(path, changed(shape=[True])), "has no shape of whole"),
    ("dims", lambda path: safetensors(path, changed(shape=[9**18] * 65)), "65 dimensions"),
    ("offsets", lambda path: safetensors(path, changed(data_offsets=[0])), "no data_offsets"),
    ("negative", lambda path: safetensors(path, changed(data_offsets=[-8, 16])), "no data_offsets"),
    ("backward", lambda path: safetensors(path, changed(data_offsets=[24, 0])), "24 to 0 of 26"),
    ("beyond", lambda path: safetensors(path, changed(data_offsets=[0, 27])), "cut short"),
    ("cut", lambda path: safetensors(path, data=25), "cut short, or its header lies"),
    ("size", lambda path: safetensors(path, changed(shape=[2, 4])), "takes 32 bytes, but is said"),
    (
        "overlap",
        lambda path: safetensors(
            path, GOOD | {"b": {"dtype": "F16", "shape": [1], "data_offsets": [22, 24]}}
        ),
        "'b' overlaps",
    ),
    ("hole", lambda path: safetensors(path, {"b": GOOD["b"]}), "'b' leaves a hole"),
    ("rest", lambda path: safetensors(path, data=30), "4 bytes at the end"),
    ("GGUF cut", lambda path: _bytes(path, b"GGUF\3"), "cut short"),
    ("version", lambda path: gguf(path, [], data=0, version=1), "GGUF of version 1"),
    (
        "count",
        lambda path: gguf(path, [], data=0, count=1 << 60),
        "1152921504606846976 follow",
    ),
    (
        "text",
        lambda path: gguf(path, [], data=0, keys=1, metadata=struct.pack("<QQ", 1 << 62, 0)),
        "cut short, longer than",
    ),
    (
        "key twice",
        lambda path: gguf(
            path, [], data=9, keys=2, metadata=(text("k") + struct.pack("<IB", 0, 0)) * 2
        ),
        "'k' twice",
    ),
    (
        "kind",
        lambda path: gguf(path, [], data=9, keys=1, metadata=text("k") + struct.pack("<I", 77)),
        "unknown kind 77",
    ),
    (
        "array",
        lambda path: gguf(
            path, [], data=9, keys=1, metadata=text("k") + struct.pack("<IIQ", 9, 8, 1 << 40)
        ),
        "1099511627776 follow",
    ),
    (
        "deep",
        lambda path: gguf(
            path,
            [],
            data=99,
            keys=1,
            metadata=text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9,
        ),
        "unknown kind 9",
    ),
    (
        "alignment",
        lambda path: gguf(
            path,
            [],
            data=9,
            keys=1,
            metadata=text("general.alignment") + struct.pack("<II", 4, 0),
        ),
        "alignment of 0",
    ),
    ("same", lambda path: gguf(path, [("t", [8], 0, 0)] * 2, data=64), "'t' twice"),
    ("many dims", lambda path: gguf(path, [("t", [1] * 65, 0, 0)], data=64), "65 dimensions"),
    ("odd", lambda path: gguf(path, [("t", [4], 0, 8)], data=64), "multiple of 32"),
    ("far", lambda path: gguf(path, [("t", [4], 0, 1 << 40)], data=64), "said to begin at"),
    ("large", lambda path: gguf(path, [("t", [1 << 40], 0, 0)], data=64), "takes 4398046511104"),
    ("rows", lambda path: gguf(path, [("t", [33], 2, 0)], data=64), "no whole blocks of 32"),
    (
        "laps",
        lambda path: gguf(path, [("t", [16], 0, 0), ("u", [8], 0, 32)], data=64),
        "'t' overlaps",
    ),
    (
        "one place",
        lambda path: gguf(path, [("t", [8], 0, 0), ("u", [8], 0, 0)], data=32),
        "at the same place",
    ),
]


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("make", "said"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_a_header_that_lies(make: Callable[[Path], Path], said: str, tmp_path: Path) -> None:
    """One sentence, which names the file and what is wrong."""
    path = make(tmp_path / "model")
    with pytest.raises(ValueError, match=said) as raised:
        weights(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_header_above_the_limit(tmp_path: Path) -> None:
    """Refused before it is read: the file is all hole."""
    path = tmp_path / "model"
    with open(path, "wb") as file:
        file.write((MOST_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(MOST_HEADER_BYTES * 2)
    with pytest.raises(ValueError, match="above the 100000000 allowed"):
        weights(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    """The system's errors, with the name."""
    with pytest.raises(FileNotFoundError):
        weights(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        weights(tmp_path)


def test_the_tables_are_of_whole_bytes() -> None:
    """Each type has a size, and no name is there twice."""
    assert all(bits in (8, 16, 32, 64) for bits in BITS.values())
    names = [name for name, _, _ in BLOCKS.values()]
    assert len(set(names)) == len(names)
    assert all(math.log2(elements).is_integer() and size for _, elements, size in BLOCKS.values())

"""prefault_kit.studies.weights.tensors: where the tensors of a file lie."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.weights import tensors
from prefault_kit.studies.weights.tensors import Span, Tensor

Opened = Callable[[bytes], int]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A descriptor of a file with these bytes."""

    def make(content: bytes) -> int:
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    return make


def _file(entries: object, data: bytes) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_a_made_file_is_what_its_header_says(tmp_path: Path) -> None:
    """All of it belongs to a tensor, each is whole pages, and none has a name in the directory."""
    fd = tensors.made(str(tmp_path), 64 * PAGE, 7)
    try:
        found = tensors.of_file(fd)
        assert os.listdir(tmp_path) == []
        assert [each.name for each in found] == [f"layers.{n}.weight" for n in range(7)]
        assert all(each.offset % PAGE == each.length % PAGE == 0 for each in found)
        ends = [each.offset + each.length for each in found]
        assert [each.offset for each in found[1:]] == ends[:-1]
        assert ends[-1] == os.fstat(fd).st_size == 64 * PAGE
        assert found[0].offset == 8 + struct.unpack("<Q", os.pread(fd, 8, 0))[0]
    finally:
        os.close(fd)


def test_a_file_of_someone_else_s(opened: Opened) -> None:
    """Tensors in the order of their places, without the metadata and without empty ones."""
    entries = {
        "__metadata__": {"format": "pt"},
        "b": {"dtype": "F16", "shape": [2], "data_offsets": [4, 8]},
        "none": {"dtype": "F16", "shape": [0], "data_offsets": [4, 4]},
        "a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
    }
    content = _file(entries, bytes(8))
    fd = opened(content)
    begin = len(content) - 8
    assert tensors.of_file(fd) == [Tensor("a", begin, 4), Tensor("b", begin + 4, 4)]
    os.close(fd)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "neither a safetensors nor a GGUF file"),
        (_file({"a": {"dtype": "F16", "shape": [4], "data_offsets": [0, 9]}}, bytes(8)), "is said"),
    ],
    ids=["empty", "a header that lies"],
)
def test_a_file_that_is_none(opened: Opened, content: bytes, sentence: str) -> None:
    """A sentence about the file, not about the descriptor that it is read by."""
    fd = opened(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        tensors.of_file(fd)
    assert "/proc/" not in str(caught.value)
    os.close(fd)


def test_no_room_for_the_tensors() -> None:
    """Fewer pages than tensors are refused before a file is made."""
    with pytest.raises(ValueError, match="no room for 4 tensors of a page each"):
        tensors.layout(4 * PAGE, 4)
    with pytest.raises(ValueError, match="choose fewer tensors"):
        tensors.header([2] * 100, 64)


def test_parts_of_a_file_without_a_header() -> None:
    """Equal parts cover all from the beginning on; a part of none is left out."""
    found = tensors.slices(10, 3, begin=1)
    assert [each[1:] for each in found] == [(1, 3), (4, 3), (7, 3)]
    assert len(tensors.slices(2, 8)) == 2


@pytest.mark.parametrize(("part", "count"), [(1.0, 8), (0.5, 4), (0.01, 1), (1e-9, 1)])
def test_a_part_is_spread_over_the_file(part: float, count: int) -> None:
    """At least one tensor, each once, at even distances."""
    found = tensors.spread(tensors.slices(8, 8), part)
    assert [each.offset for each in found] == [8 // count * number for number in range(count)]


def test_windows_cover_what_is_used_and_nothing_else() -> None:
    """Neighbours are one run, what is not used is left out, and a page of two comes once."""
    spans = [Span(0, 2 * PAGE), Span(PAGE, 2 * PAGE), Span(8 * PAGE, 3 * PAGE)]
    assert tensors.runs(spans) == [Span(0, 3 * PAGE), Span(8 * PAGE, 3 * PAGE)]
    pieces = list(tensors.windows(spans, 2 * PAGE))
    assert pieces == [
        Span(0, 2 * PAGE),
        Span(2 * PAGE, PAGE),
        Span(8 * PAGE, 2 * PAGE),
        Span(10 * PAGE, PAGE),
    ]

"""prefault_kit.memory.buffer: from an object to the pages that its bytes lie in."""

import array
import ctypes
import mmap
import sys
import types
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.buffer import is_path, placed

SIZE = 4 * PAGE
READ_ONLY = numpy.zeros(SIZE, "uint8")
READ_ONLY.flags.writeable = False


class Producer:
    """Hands out an array by DLPack and has no buffer of its own, as a tensor does."""

    def __init__(self, data: Any, device: int = 1) -> None:
        self.data = data
        self.device = device

    def __dlpack__(self, **known: Any) -> object:
        return self.data.__dlpack__(**known)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


def at(data: Any) -> int:
    """The address of an array."""
    return int(data.ctypes.data)


@pytest.mark.parametrize(
    "data",
    [
        numpy.zeros(SIZE, "uint8"),
        READ_ONLY,
        numpy.zeros(SIZE // 8, "M8[s]"),
        numpy.zeros((4, PAGE), "uint8")[1:3],
        numpy.zeros(PAGE, "U3"),
        numpy.zeros(PAGE, [("when", "M8[s]"), ("what", "i4")]),
        numpy.array(7),
    ],
    ids=["bytes", "read-only", "dates", "slice", "text", "records", "0-dim"],
)
def test_an_array(data: Any) -> None:
    """Of any type, read-only ones too: its own bytes, and the whole pages around them."""
    with placed(data) as place:
        assert place.buffer_bytes == data.nbytes
        assert place.address % PAGE == place.size_bytes % PAGE == 0
        assert place.address <= at(data)
        assert at(data) + data.nbytes <= place.address + place.size_bytes
        assert place.size_bytes < data.nbytes + 2 * PAGE


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_a_memmap_of_any_mode(mode: Any, tmp_path: Path) -> None:
    """From its page on, and whole where the file is."""
    (tmp_path / "data").write_bytes(bytes(SIZE))
    data = numpy.memmap(tmp_path / "data", mode=mode)
    with placed(data) as place:
        assert (place.address, place.size_bytes, place.is_whole) == (at(data), SIZE, True)
    with placed(data[1:]) as place:
        assert (place.address, place.size_bytes, place.is_whole) == (at(data), SIZE, False)


def test_what_python_has(tmp_path: Path) -> None:
    """Bytes, views, arrays, mmaps for reading alone."""
    (tmp_path / "data").write_bytes(bytes(SIZE))
    with (
        open(tmp_path / "data", "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        for data in (b"x" * SIZE, memoryview(b"x" * SIZE), array.array("b", bytes(SIZE)), mapped):
            with placed(data) as place:
                assert place.buffer_bytes == SIZE


def test_a_mapping_has_its_page_size_and_its_file() -> None:
    """Both are known of the kit's own."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory, placed(memory) as place:
        assert (place.address, place.size_bytes, place.fd) == (memory.address, SIZE, memory.fd)
        assert place.is_whole


def test_it_is_held() -> None:
    """A read-only view of it, too, keeps a buffer from being resized or closed."""
    data, anonymous = bytearray(SIZE), mmap.mmap(-1, SIZE)
    for buffer, change in ((data, lambda: data.append(1)), (anonymous, anonymous.close)):
        with placed(memoryview(buffer).toreadonly()), pytest.raises(BufferError):
            change()
    anonymous.close()


def test_a_tensor_by_dlpack() -> None:
    """What the producer hands out is its memory, and no copy; a slice is a slice."""
    data = numpy.arange(SIZE, dtype="float32")
    with placed(Producer(data)) as place:
        assert place.buffer_bytes == data.nbytes
        assert place.address == at(data) // PAGE * PAGE
    with placed(Producer(data[5:9]), writable=True) as place:
        assert place.buffer_bytes == 16


@pytest.mark.parametrize(
    ("device", "said"), [(2, "a CUDA GPU"), (10, "a ROCm GPU"), (99, "device 99 of DLPack")]
)
def test_a_tensor_that_is_elsewhere(device: int, said: str) -> None:
    """Refused in a sentence that says where it is; it is never asked for its memory."""
    with (
        pytest.raises(ValueError, match=f"the tensor is on {said}, not in this machine's memory"),
        placed(Producer(None, device)),
    ):
        pass


def test_torch_is_asked_for_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that numpy has not (bfloat16) and a leaf of a gradient: by a view of bytes."""

    class Tensor(Producer):
        layout = "strided"
        contiguous = True

        def __dlpack__(self, **known: Any) -> object:
            raise BufferError("this type is not known")

        def is_contiguous(self) -> bool:
            return self.contiguous

        def detach(self) -> "Tensor":
            return self

        def reshape(self, _: int) -> "Tensor":
            return self

        def view(self, dtype: str) -> Producer:
            assert dtype == "uint8"
            if self.layout == "conjugate":
                raise RuntimeError("not for\nconjugate views")
            return Producer(self.data.view("uint8"))

    torch = types.SimpleNamespace(Tensor=Tensor, strided="strided", uint8="uint8")
    data = numpy.zeros(PAGE, "float16")
    tensor = Tensor(data)
    with pytest.raises(ValueError, match="DLPack does not give the tensor's memory: this type"):
        placed(tensor).__enter__()
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    with placed(tensor) as place:
        assert place.buffer_bytes == data.nbytes
    tensor.contiguous = False
    with pytest.raises(ValueError, match="not contiguous"):
        placed(tensor).__enter__()
    tensor.contiguous, tensor.layout = True, "sparse"
    with pytest.raises(ValueError, match="the tensor is sparse"):
        placed(tensor).__enter__()
    torch.strided = tensor.layout = "conjugate"
    with pytest.raises(ValueError, match="cannot be had: not for conjugate views"):
        placed(tensor).__enter__()


def test_arrow_s_arrays_say_what_to_give() -> None:
    """Of several buffers one has to be named."""
    fake = type("StringArray", (), {"__module__": "pyarrow.lib"})()
    with pytest.raises(TypeError, match=r"give one of what \.buffers\(\)"):
        placed(fake).__enter__()


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (17, TypeError, "'int' objects have no buffer"),
        (bytearray(), ValueError, "zero length"),
        (numpy.zeros((64, 64))[:, ::2], ValueError, "not contiguous"),
        (numpy.zeros((64, 64), order="F"), ValueError, "Fortran's"),
        (Producer(numpy.zeros((64, 64))[:, ::2]), ValueError, "not contiguous"),
    ],
    ids=["none", "empty", "strided", "fortran", "strided tensor"],
)
def test_what_is_no_buffer(data: Any, kind: type[Exception], said: str) -> None:
    """A sentence each."""
    with pytest.raises(kind, match=said), placed(data):
        pass


def test_permission_to_write_is_asked_for() -> None:
    """Only where it is needed."""
    for data in (bytes(PAGE), READ_ONLY, (ctypes.c_char * 3).from_buffer_copy(b"abc")):
        with placed(data):
            pass
    for data in (bytes(PAGE), READ_ONLY):
        with pytest.raises(ValueError, match="read-only"), placed(data, writable=True):
            pass


def test_paths_are_text_and_bytes_are_memory() -> None:
    """So that no buffer is ever taken for a name."""
    assert [is_path(each) for each in ("a", Path("a"), b"a", memoryview(b"a"))] == [
        True,
        True,
        False,
        False,
    ]

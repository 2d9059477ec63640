"""Buffers of one's own: from an object to the pages that its bytes lie in.

Whatever speaks Python's buffer protocol (bytes, numpy of any type, memmap, mmap, Arrow's buffers),
or DLPack (a tensor on the CPU), and the kit's own Mapping. No library is imported for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping

if TYPE_CHECKING:
    from typing_extensions import Buffer

CPU_DEVICES = {1: "CPU", 3: "CUDA's host memory", 11: "ROCm's host memory"}
"""DLPack's kinds of devices whose memory the processor has in its page tables (dlpack.h)."""
OTHER_DEVICES = {2: "a CUDA GPU", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "a ROCm GPU"}


@dataclass(frozen=True)
class Place:
    """Where a buffer lies, in bytes."""

    address: int
    """Of its first page."""
    size_bytes: int
    """Of the whole pages that it lies in."""
    step: int = PAGE_SIZE_BYTES
    """The page size of its mapping, as far as it is known."""
    buffer_bytes: int = 0
    """Of the buffer itself."""
    fd: int = -1
    """Of the file behind, where the buffer has it open."""

    @property
    def is_whole(self) -> bool:
        """Whether it begins and ends at borders of pages, so that no neighbour shares any."""
        return self.buffer_bytes == self.size_bytes


@contextmanager
def placed(memory: Any, *, writable: bool = False) -> Iterator[Place]:
    """The pages that a buffer lies in; it is held meanwhile, so that nobody resizes or closes it.

    >>> with placed(bytes(10)) as place:
    ...     place.buffer_bytes, place.size_bytes % PAGE_SIZE_BYTES
    (10, 0)

    With ``writable`` a buffer that is read-only is refused; of a DLPack producer that is not known,
    and the kernel has the last word. TypeError for what is no buffer, ValueError in a sentence for
    one that is not contiguous, empty, closed, or not in this machine's memory.
    """
    if isinstance(memory, Mapping):
        address, length = memory.span()
        yield Place(address, length, memory.backing.page_size_bytes, length, memory.fd)
        return
    with ExitStack() as held:
        writable, memory = _exporter(memory, writable)
        try:
            address, length = held.enter_context(syscalls.borrowed(memory, writable=writable))
        except (TypeError, ValueError, BufferError) as error:
            raise _refusal(memory, error) from None
        if not length:
            raise ValueError("the buffer is of zero length: there is nothing in it")
        begin = address - address % PAGE_SIZE_BYTES
        end = -(-(address + length) // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES
        yield Place(begin, end - begin, buffer_bytes=length)


def _exporter(memory: Any, writable: bool) -> tuple[bool, Buffer]:
    """What exports the bytes of an object, and whether it has to export them as writable."""
    if _is_shared_memory(memory):
        if memory.buf is None:
            raise ValueError("there is no memory behind the buffer: the shared memory is closed")
        return writable, memory.buf
    if hasattr(memory, "__dlpack_device__") and not _has_buffer(memory):
        return False, _from_dlpack(memory)
    return writable, memory


def _is_shared_memory(memory: Any) -> bool:
    """Whether it is multiprocessing's; if it is, that module is loaded."""
    module = sys.modules.get("multiprocessing.shared_memory")
    return module is not None and isinstance(memory, module.SharedMemory)


def _has_buffer(memory: Any) -> bool:
    """Whether an object has a buffer of its own; numpy's arrays of dates have, without a format."""
    try:
        memoryview(memory).release()
    except TypeError:
        return False
    except (ValueError, BufferError):
        pass
    return True


def _from_dlpack(tensor: Any) -> Buffer:
    """The bytes of a tensor, by DLPack; numpy holds what the producer hands out."""
    kind = int(tensor.__dlpack_device__()[0])
    if kind not in CPU_DEVICES:
        where = OTHER_DEVICES.get(kind, f"device {kind} of DLPack")
        raise ValueError(
            f"the tensor is on {where}, not in this machine's memory: copy it to the CPU first"
        )
    import numpy  # here, so that importing the kit is quick

    torch = sys.modules.get("torch")
    if torch is not None and isinstance(tensor, torch.Tensor):
        tensor = _torch_bytes(tensor, torch)
    try:
        return numpy.from_dlpack(tensor).data
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        if _is_arrow(tensor):
            raise _arrow(tensor) from None
        said = " ".join(str(error).split())
        raise ValueError(f"DLPack does not give the tensor's memory: {said}") from None


def _torch_bytes(tensor: Any, torch: Any) -> Any:
    """A tensor as one of bytes without its gradient: numpy has no bfloat16, and takes no leaf."""
    if tensor.layout is not torch.strided:
        raise ValueError(f"the tensor is {tensor.layout}: give its values or its indices")
    if not tensor.is_contiguous():
        raise ValueError("the buffer is not contiguous: give the tensor that it is a part of")
    try:
        return tensor.detach().reshape(-1).view(torch.uint8)  # contiguous: neither of them copies
    except RuntimeError as error:  # conjugate views and the like, which have no bytes of their own
        said = " ".join(str(error).split())
        raise ValueError(f"the tensor's memory cannot be had: {said}") from None


def _refusal(buffer: object, error: Exception) -> Exception:
    """Why an object gives no memory, in a sentence."""
    if isinstance(error, TypeError):
        kind = type(buffer).__name__
        if _is_arrow(buffer):
            return _arrow(buffer)
        return TypeError(
            f"{kind!r} objects have no buffer: give a Mapping, a numpy array, an mmap or a "
            "memoryview"
        )
    said = str(error)
    if "contiguous" in said:
        return ValueError(
            "the buffer is not contiguous: give the array that it is a part of, or if its order is "
            "Fortran's the transposed one"
        )
    if "read-only" in said:
        return ValueError("the buffer is read-only: this needs permission to write")
    return ValueError(f"there is no memory behind the buffer: {said}")


def _is_arrow(memory: object) -> bool:
    return type(memory).__module__.partition(".")[0] == "pyarrow"


def _arrow(memory: object) -> TypeError:
    kind = type(memory).__name__
    return TypeError(
        f"{kind!r} objects of Arrow may lie in several buffers: give one of what .buffers() of an "
        "array returns"
    )


def is_path(memory: object) -> bool:
    """Whether something names a file: text, or a path; bytes are a buffer."""
    return isinstance(memory, str | os.PathLike)

"""Sparse memory: how touching more than there is ends, and what unplugging gives back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from prefault_kit.kernel import timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.memory import small_tmpfs
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.sparse_device import Device


def touched(limit_bytes: int, size_bytes: int, worker: Worker | None = None) -> str:
    """How a process ends that touches ``size_bytes`` where only ``limit_bytes`` can be had.

    A signal's name; ``lives`` if it does. OSError as :func:`small_tmpfs.file`.
    """

    def hear(event: Event) -> None:
        raise OSError(event["errno"], event["text"])

    try:
        listen(perform, {"limit_bytes": limit_bytes, "size_bytes": size_bytes}, hear, worker)
    except WorkerDied as death:
        return death.signal or str(death)
    return "lives"


def perform(payload: dict[str, Any]) -> Iterator[Event]:
    """In the worker, which may die: touch a mapping that its file system cannot fill."""
    size_bytes = payload["size_bytes"]
    try:
        fd = small_tmpfs.file(payload["limit_bytes"], size_bytes)
    except OSError as error:
        yield {"errno": error.errno, "text": error.strerror}
        return
    with Mapping(Backing.tmpfs("/"), size_bytes, "shared", fd=fd, reserve=False) as memory:
        timed.touch_unguarded("touch_write", *memory.span(), step=PAGE_SIZE_BYTES)
    os.close(fd)


def taken(backing: Backing, sharing: str, block_bytes: int, blocks: int = 8) -> tuple[int, int]:
    """Bytes that a device takes from its backend: all of it plugged, and all of it unplugged."""
    with Mapping(backing, blocks * block_bytes, sharing, reserve=False) as memory:
        device = Device(memory, block_bytes)
        device.plug(0, blocks)
        plugged = device.account().backend_bytes
        device.unplug(0, blocks)
        return plugged, device.account().backend_bytes

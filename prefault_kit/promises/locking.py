"""Populating and locking: mlock(2), mlock2(2) with MLOCK_ONFAULT."""

from __future__ import annotations

import ctypes
import os

from prefault_kit.host import features
from prefault_kit.mapping import Mapping
from prefault_kit.promises.ground import Ground
from prefault_kit.promises.promise import need, promise
from prefault_kit.syscalls import PAGE_SIZE_BYTES

MLOCK_ONFAULT = 1
LOCKED_PAGES = 16
"""Less than RLIMIT_MEMLOCK has been by default on any system."""
KINDS = ("private anon", "shared anon", "shared memfd", "shared file")


def _lock_on_fault(memory: Mapping) -> None:
    """mlock2(2), which the C library has; OSError as it says."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlock2(
        ctypes.c_void_p(memory.address), ctypes.c_size_t(memory.size_bytes), MLOCK_ONFAULT
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"mlock2: {os.strerror(number)}")


def _state(memory: Mapping) -> str:
    locked = (memory.usage().locked or 0) // PAGE_SIZE_BYTES
    return f"{memory.pages().present} present, {locked} locked"


@promise(
    "lock-populates",
    source="mlock(2)",
    claim="mlock populates: when it returns, every page is there and stays",
    on=dict.fromkeys(KINDS, f"{LOCKED_PAGES} present, {LOCKED_PAGES} locked"),
)
def populates(ground: Ground) -> str:
    need(features.mlock())
    with ground.map(LOCKED_PAGES) as memory:
        memory.mlock()
        return _state(memory)


@promise(
    "lock-writes-private",
    source="mlock(2); mm/gup.c, populate_vma_page_range",
    claim="mlock of private memory that may be written breaks copy-on-write, as WRITE does",
    on={"private anon": f"{LOCKED_PAGES} anonymous, writing takes 0 faults"},
)
def writes_private(ground: Ground) -> str:
    need(features.mlock())
    with ground.map(LOCKED_PAGES) as memory:
        memory.mlock()
        own = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{own} anonymous, writing takes {memory.touch_write().minor_faults} faults"


@promise(
    "lock-on-fault",
    source="cover letter I; mlock2(2)",
    claim="MLOCK_ONFAULT populates nothing: pages are locked as they come, also by populating",
    on=dict.fromkeys(
        KINDS,
        f"0 present, 0 locked; then {LOCKED_PAGES} present, {LOCKED_PAGES} locked",
    ),
)
def on_fault(ground: Ground) -> str:
    need(features.mlock())
    with ground.map(LOCKED_PAGES) as memory:
        _lock_on_fault(memory)
        before = _state(memory)
        memory.populate_write()
        return f"{before}; then {_state(memory)}"

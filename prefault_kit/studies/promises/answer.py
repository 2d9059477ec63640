"""What the kernel answers a call with, in a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prefault_kit.kernel import errors, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.memory.mapping import Mapping


def answer(call: Callable[..., object], *words: Any, **known: Any) -> str:
    """``0``, or the name of the errno that the call fails with."""
    try:
        call(*words, **known)
    except OSError as error:
        return errors.ERRNO_NAMES.get(error.errno or 0, f"errno {error.errno}")
    return "0"


def reach(call: Callable[..., object], *words: Any, **known: Any) -> str:
    """As :func:`answer`, and how many system pages came before the failure."""
    try:
        call(*words, **known)
    except PrefaultError as error:
        name = errors.ERRNO_NAMES.get(error.errno or 0, f"errno {error.errno}")
        return f"{name} after {error.populated_bytes // PAGE_SIZE_BYTES} pages"
    return "0"


def once(memory: Mapping, name: str) -> tuple[str, int]:
    """How far populating comes, as :func:`reach`, and how many pages a single call left present.

    They are counted before it is asked how far it came: to find that out, the prefix is populated
    again.
    """
    answer(syscalls.madvise, *memory.span(), f"MADV_POPULATE_{name.upper()}")
    present = memory.pages().present
    return reach(getattr(memory, f"populate_{name}")), present


def counts(numbers: Iterable[int]) -> str:
    """Counts of what should be the same each time: one number if it is."""
    return " and ".join(str(number) for number in dict.fromkeys(numbers))

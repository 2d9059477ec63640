"""What the kernel answers a call with, in a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefault_kit.kernel import errors
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError


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

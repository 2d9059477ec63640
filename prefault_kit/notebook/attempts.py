"""Calls that may fail, answered in words."""

from __future__ import annotations

from collections.abc import Callable

from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work


def attempt(call: Callable[..., Work], *arguments: int) -> str:
    """Call a method of a Mapping: ``0``, or the errno and how many pages it populated."""
    try:
        call(*arguments)
    except PrefaultError as error:
        name = ERRNO_NAMES.get(error.errno or 0, str(error.errno))
        return f"{name}, {error.populated_bytes // PAGE_SIZE_BYTES} pages populated"
    return "0"

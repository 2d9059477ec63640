"""What goes wrong: names of errno, results of the C, and numbers that C could not take."""

from __future__ import annotations

import errno
import operator
import os
from typing import SupportsIndex

from prefault_kit.kernel.native import ffi, lib

ERRNO_NAMES = {lib.EHWPOISON: "EHWPOISON", **errno.errorcode}
"""Names of errno; Python before 3.14 does not know that of a poisoned page."""

HIGHEST = 2 ** (8 * ffi.sizeof("uintptr_t")) - 1
"""The highest address that C can name."""

MOST_THREADS = 1024
"""Threads of one operation. More than the processors are no faster, and a slip of the keys could
take all the threads that the system has."""


def check(result: int, call: str) -> int:
    """A result of the C; OSError that names the call where it is -errno."""
    if result < 0:
        raise OSError(-result, f"{call}: {os.strerror(-result)}")
    return result


def whole(name: str, value: SupportsIndex, least: int, most: int) -> int:
    """A whole number within bounds, as C needs it; ValueError in a sentence."""
    try:
        number = operator.index(value)  # numpy's integers are welcome
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {_short(value)}")
    return number


def _short(value: object) -> str:
    """A value as a sentence can show it; Python refuses to print very long integers."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return repr(value)


def span_text(address: int, length: int) -> str:
    """A range, as the text of an error names it."""
    return f"0x{address:x}, {length} bytes"

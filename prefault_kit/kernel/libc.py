"""Functions of the C library that neither Python nor the kit's C has, called by their names."""

from __future__ import annotations

import ctypes
import os

Word = int | bytes | ctypes.Array[ctypes.c_char] | None


def call(name: str, *words: Word) -> int:
    """The result of a function; OSError with its errno where that is -1. Integers are longs."""
    libc = ctypes.CDLL(None, use_errno=True)
    longs = (ctypes.c_long(word) if isinstance(word, int) else word for word in words)
    result: int = getattr(libc, name)(*longs)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result

"""Versions of kernels, as ``6.12.117`` or ``7.3-rc7``."""

from __future__ import annotations

import re

RELEASED = 1_000_000
"""In the place of a candidate's number: a candidate comes before its release."""


def series(version: str) -> str:
    """The first two numbers, by which a kernel is asked for."""
    return ".".join(re.findall(r"\d+", version)[:2])


def order(version: str) -> tuple[int, ...]:
    """What sorts versions from old to new."""
    release, _, candidate = version.partition("-rc")
    numbers = [int(number) for number in re.findall(r"\d+", release)]
    last = int(candidate) if candidate.isdecimal() else RELEASED
    return (*numbers, *[0] * (3 - len(numbers)), last)

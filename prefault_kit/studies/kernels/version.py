"""Versions of kernels, as ``6.12.117``, ``7.3-rc7`` or, of another flavour, ``6.12.117-rt``."""

from __future__ import annotations

import re

from prefault_kit.studies.kernels.architecture import FLAVOURS

RELEASED = 1_000_000
"""In the place of a candidate's number: a candidate comes before its release."""
PARTS = re.compile(r"(?P<release>[\d.]*)(?:-rc(?P<candidate>\d+))?(?:-(?P<flavour>.+))?")


def series(version: str) -> str:
    """The first two numbers and the flavour, by which a kernel is asked for.

    What else a kernel adds to its version, as one's own does (``6.12.0-rc1-00012-gabc``), is none.
    """
    release, _, flavour = _parts(version)
    return flavoured(".".join(map(str, release[:2])), flavour if flavour in FLAVOURS else "")


def flavoured(version: str, flavour: str) -> str:
    """The version of a kernel of this flavour; of the usual one, which is "", it is as it was."""
    return f"{version}-{flavour}" if flavour else version


def order(version: str) -> tuple[int, int, int, int, str]:
    """What sorts versions from old to new."""
    release, candidate, flavour = _parts(version)
    major, minor, patch = (*release, 0, 0, 0)[:3]
    return major, minor, patch, candidate, flavour


def _parts(version: str) -> tuple[list[int], int, str]:
    found = PARTS.match(version)
    assert found  # all of it may be missing
    release = [int(number) for number in found["release"].split(".") if number]
    return release, int(found["candidate"] or RELEASED), found["flavour"] or ""

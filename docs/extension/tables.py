"""What tables of several pages share: the page of a kernel, and the word for a verdict."""

from __future__ import annotations

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.record import Record


def address(record: Record) -> str:
    """The page of a recorded kernel, which it keeps when a later one of its series is recorded."""
    other = "" if record.architecture == "x86_64" else f"-{record.architecture}"
    return f"kernels/{version.series(record.version)}{other}"


def mark(outcome: str, word: str) -> str:
    """A word with the colour of a verdict."""
    return f"[{word}]{{.{outcome.replace(' ', '-')}}}"

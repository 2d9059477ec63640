"""What several pages share: the page of a kernel, links to promises, the word for a verdict."""

from __future__ import annotations

import re

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.record import Record
from prefault_kit.studies.promises import PROMISES


def address(record: Record) -> str:
    """The page of a recorded kernel, which it keeps when a later one of its series is recorded."""
    other = "" if record.architecture == "x86_64" else f"-{record.architecture}"
    return f"kernels/{version.series(record.version)}{other}"


def mark(outcome: str, word: str) -> str:
    """A word with the colour of a verdict."""
    return f"[{word}]{{.{outcome.replace(' ', '-')}}}"


def linked(text: str) -> str:
    """A text in which every promise that it names leads to the page of that promise."""
    return re.sub(
        r"(?<=\()[\w-]+(?=\))",
        lambda name: f"[{name[0]}](/promises/{name[0]}.md)" if name[0] in PROMISES else name[0],
        text,
    )

"""How a command ends: an exit status that scripts rely on, and one sentence on stderr."""

from __future__ import annotations

FAILED = 1
"""The experiment failed."""
USAGE = 2
UNAVAILABLE = 3
"""This host cannot run it."""
INTERRUPTED = 130
"""As a shell says it of a command that Ctrl-C ended: 128 + SIGINT."""


class Ending(Exception):
    """A command that ends otherwise than well."""

    def __init__(self, status: int, sentence: str, command: str | None = None) -> None:
        advice = f"; to enable it: {command}" if command else ""
        super().__init__(sentence.rstrip(".") + advice)
        self.status = status


def in_words(error: OSError) -> str:
    """An operating system's error as a sentence that names its file."""
    said = (error.strerror or str(error)).lower()
    return f"{error.filename}: {said}" if error.filename else said

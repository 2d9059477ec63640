"""How a command ends: an exit status that scripts rely on, and one sentence on stderr."""

from __future__ import annotations

import errno

FAILED = 1
"""The experiment failed."""
USAGE = 2
UNAVAILABLE = 3
"""This host cannot run it."""
INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C ended: 128 + SIGINT."""


class Ending(Exception):
    """The end of a command that did not succeed: its exit status and its sentence."""

    def __init__(self, status: int, sentence: str, command: str | None = None) -> None:
        advice = f"; to enable it: {command}" if command else ""
        super().__init__(sentence.rstrip(".") + advice)
        self.status = status


WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What write(2) says of a file that takes no more; Python names none for an open one."""


def in_words(error: OSError) -> str:
    """An operating system's error as a sentence that names its file."""
    said = error.strerror or str(error)
    if said[1:2].islower():  # names such as MADV_COLLAPSE stay
        said = said[0].lower() + said[1:]
    if error.filename:
        return f"{error.filename}: {said}"
    return f"standard output cannot be written: {said}" if error.errno in WRITE_ERRORS else said

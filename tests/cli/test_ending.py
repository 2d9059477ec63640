"""prefault_kit.cli.ending: a sentence and a status."""

import errno

from prefault_kit.cli.ending import UNAVAILABLE, Ending, in_words


def test_an_ending_has_its_status_and_what_would_help() -> None:
    """In one sentence, without its full stop where something follows."""
    ending = Ending(UNAVAILABLE, "there is no room.", "make room")
    assert (ending.status, str(ending)) == (3, "there is no room; to enable it: make room")
    assert str(Ending(UNAVAILABLE, "there is no room")) == "there is no room"


def test_an_error_of_the_system_names_its_file() -> None:
    """Where it has one."""
    assert in_words(FileNotFoundError(2, "No such file", "a.csv")) == "a.csv: no such file"
    full = OSError(errno.ENOSPC, "No space left")
    assert in_words(full) == "standard output cannot be written: no space left"
    assert in_words(OSError(errno.EMFILE, "Too many open files")) == "too many open files"
    assert in_words(OSError(errno.EINVAL, "MADV_X: invalid")) == "MADV_X: invalid"
    assert in_words(OSError("without a number")) == "without a number"

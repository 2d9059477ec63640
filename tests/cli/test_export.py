"""prefault_kit.cli.export: what cannot be written is bad usage, what fails in the end a failure."""

from __future__ import annotations

import errno
from pathlib import Path

import click
import pytest

from prefault_kit.cli import export
from prefault_kit.cli.ending import FAILED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileExistsError(errno.EEXIST, "File exists", "p.html"), "p.html exists already"),
        (OSError(errno.ENOSPC, "No space left on device", "p.html"), "cannot write p.html: no sp"),
        (ValueError("name it"), "name it"),
    ],
    ids=["there", "full", "no name"],
)
def test_what_cannot_be_written_is_bad_usage(error: Exception, said: str) -> None:
    """In a sentence that names the file."""

    def attempt(_: Path) -> None:
        raise error

    with pytest.raises(click.UsageError, match=said):
        export.check(attempt, Path("p.html"))


def test_what_can_be_written_passes() -> None:
    """The path that was asked for is the one that is tried."""
    tried: list[Path] = []
    export.check(tried.append, Path("p.html"))
    assert tried == [Path("p.html")]


def test_a_failure_in_the_end() -> None:
    """A status of its own, and that nothing is there."""
    found = export.failure(OSError(errno.EIO, "Input/output error", "p.html"))
    assert found.status == FAILED
    assert "neither file is there: p.html" in str(found)

"""An exported page: whether it can be written is found out first, and a failure leaves no part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from prefault_kit.cli.ending import FAILED, Ending, in_words


def check(attempt: Callable[[Path], object], path: Path) -> None:
    """Try whether the page can be written, before anything is measured; bad usage if it cannot."""
    try:
        attempt(path)
    except FileExistsError as error:
        raise click.UsageError(f"{error.filename} exists already: choose another name") from None
    except OSError as error:
        raise click.UsageError(f"cannot write {in_words(error)}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def failure(error: OSError) -> Ending:
    """How a command ends whose page could not be written in the end."""
    return Ending(FAILED, f"the export failed, and neither file is there: {in_words(error)}")

"""Who follows a command from elsewhere: told each row as it is finished, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

Row = Mapping[str, Any]
"""A cell, a verdict or a review, as ``prefault-kit run/1`` and ``--json`` have it."""


@dataclass(frozen=True)
class Follower:
    """Whoever collects the rows of a command; what it has already need not be run again."""

    known: Sequence[Row]
    row: Callable[[Row], None]
    move: Callable[[float, str], None]
    """Takes the part that is done, 0 to 1, and words."""


def following() -> Follower | None:
    """The follower of the command that is running; None where it prints for itself."""
    context = click.get_current_context(silent=True)
    return context.find_object(Follower) if context else None

"""What a control offers, and what stops the present choice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One value that a control offers. ``reason`` is None if this host can run it."""

    value: str
    reason: str | None = None
    command: str | None = None
    """The command that would enable it, or None where no command does."""


@dataclass(frozen=True)
class Problem:
    """Why a choice cannot run: one sentence, and the command that would help, if there is one."""

    reason: str
    command: str | None = None

"""What a control offers, and what stops the present choice."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.host import Unavailable


@dataclass(frozen=True)
class Problem:
    """Why a choice cannot run: one sentence, and the command that would help, if there is one."""

    reason: str
    command: str | None = None

    @classmethod
    def of(cls, missing: Unavailable | None) -> Problem | None:
        """What this host lacks, as a problem; None if it lacks nothing."""
        return cls(missing.reason, missing.command) if missing else None


@dataclass(frozen=True)
class Option:
    """One value that a control offers. ``reason`` is None if this host can run it."""

    value: str
    reason: str | None = None
    command: str | None = None
    """The command that would enable it, or None where no command does."""

    @classmethod
    def of(cls, value: str, missing: Unavailable | Problem | None) -> Option:
        """A value, greyed out where something is missing for it."""
        return cls(value, missing.reason, missing.command) if missing else cls(value)

"""Why something cannot run on this host, and what would help."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unavailable:
    """Why something cannot run here."""

    reason: str
    """One sentence that says what is missing, with the figures."""
    command: str | None = None
    """The exact shell command that would help, or None where no command does."""

    def __str__(self) -> str:
        """Both, in one line."""
        return self.reason + (f"; what would help: {self.command}" if self.command else "")

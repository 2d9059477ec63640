"""Work on a range piece by piece: within a budget, with progress, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from prefault_kit.kernel import timed
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.budget import Budget

BUDGETED_BYTES = 64 << 20
"""Of a piece, where a budget is looked at before each."""


class Ground(Protocol):
    """What is populated: bytes from 0 to ``size_bytes``, in steps of whole pages."""

    @property
    def size_bytes(self) -> int:
        """In whole steps."""

    @property
    def step(self) -> int:
        """The page size."""

    @property
    def address(self) -> int:
        """Where it begins."""

    @property
    def grain(self) -> int:
        """What is populated as one, where the kernel may: populating one byte may add so much."""

    def missing_bytes(self, offset: int, length: int) -> int:
        """What a part would add to the memory that is in use, at most."""

    def populate(self, offset: int, length: int, go_on: Callable[[int], bool]) -> Work:
        """Populate a part; ``go_on`` is asked with the bytes of it that are done.

        Its ``done_bytes`` count from ``offset``. PrefaultError has the page counted from 0.
        """

    def let_go(self, offset: int, length: int) -> None:
        """Let go of a part that was populated, without loss of content."""


@dataclass(frozen=True)
class Pieces:
    """How work is cut into pieces, who is told of it, and what ends it."""

    window_bytes: int | None = None
    budget: Budget | None = None
    on_progress: Callable[[int, int], object] | None = None
    stop: threading.Event | None = None

    def tell(self, done: int, size: int) -> bool:
        """Tell how far it is; whether to go on."""
        if self.on_progress:
            self.on_progress(done, size)
        return not (self.stop and self.stop.is_set())

    def populate(self, ground: Ground, most: int | None = None) -> tuple[Work, str | None]:
        """Populate all of it, in pieces of ``most`` bytes; the work, and what limited it if it did.

        PrefaultError has the work of all pieces. The last window is not let go of.
        """
        size, step = ground.size_bytes, ground.step
        most = min(self.window_bytes or size, most or size, BUDGETED_BYTES if self.budget else size)
        most = max(step, most // step * step)
        total, behind = Work(), 0
        while (done := total.done_bytes) < size:
            piece = min(most, size - done)
            if self.budget:
                room, limit = self.budget.room()
                piece, missing = _fitting(ground, done, piece, room)
                if not piece:
                    return total, limit
                self.budget.added_bytes += missing
            total = self._piece(ground, total, piece)
            if total.done_bytes < done + piece:
                break
            if self.window_bytes and behind < done:
                ground.let_go(behind, done - behind)
                behind = done
            if not self.tell(total.done_bytes, size):
                break
        return total, None

    def _piece(self, ground: Ground, total: Work, length: int) -> Work:
        """The work so far and that of one more piece."""
        done = total.done_bytes
        return timed.further(
            total,
            done,
            lambda: ground.populate(
                done, length, lambda part: self.tell(done + part, ground.size_bytes)
            ),
        )


def _fitting(ground: Ground, offset: int, piece: int, room: int) -> tuple[int, int]:
    """A piece that adds no more than there is room for, and what it adds, at most.

    Unless it is all that was asked for it ends at a border of grains, so that no huge page adds
    more. It may not be the largest such piece: what is missing may lie at its begin.
    """
    while piece:
        missing = ground.missing_bytes(offset, piece)
        if missing <= room:
            return piece, missing
        end = ground.address + offset + min(piece * room // missing, piece - 1)
        piece = max(0, end // ground.grain * ground.grain - ground.address - offset)
    return 0, 0

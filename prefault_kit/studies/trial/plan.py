"""What is tried on a program, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prefault_kit.kernel.errors import whole
from prefault_kit.kernel.tracer import ANY_BYTES, MOMENTS
from prefault_kit.studies.trial import candidates, files, limit
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.mappings import Choice
from prefault_kit.studies.trial.result import MEASURES
from prefault_kit.studies.trial.run import Setting

MOST_REPEATS = 1000
REPEATS = 5


@dataclass(frozen=True)
class Plan:
    """What is tried on a program, and how; ValueError where it contradicts itself."""

    command: tuple[str, ...]
    choice: Choice = field(default_factory=Choice)
    only_group: int | None = None
    """The number of a group of the first run, from 1; None for all that the choice matches."""
    candidates: tuple[str, ...] = tuple(CANDIDATES)
    variants: Mapping[str, tuple[str, ...]] | None = None
    """Other commands, by a name of one's own: the program with flags of its own."""
    repeats: int = REPEATS
    start: str = "as-it-is"
    evicted: tuple[str, ...] = ()
    """Files that belong to the start state beside those that the program maps."""
    memory_limit_bytes: int | None = None
    io_limit_bytes: int | None = None
    """A second, read and written each, of the device that holds the program's files."""
    measure: str | None = None
    setting: Setting = field(default_factory=Setting)

    def __post_init__(self) -> None:
        if not self.command:
            raise ValueError("a command is needed: what is to be tried?")
        whole("repeats", self.repeats, 2, MOST_REPEATS)
        if self.start not in files.STARTS:
            raise ValueError(f"{self.start!r} is no start: choose of {', '.join(files.STARTS)}")
        if self.choice.moment not in ("auto", *MOMENTS):
            raise ValueError(
                f"{self.choice.moment!r} is no moment: choose of auto, {', '.join(MOMENTS)}"
            )
        if not 0 < self.choice.least_bytes <= self.choice.most_bytes <= ANY_BYTES:
            raise ValueError("the least size of a mapping is above 0, and not above the most")
        if self.measure is not None and self.measure not in MEASURES:
            raise ValueError(f"{self.measure!r} is no measure: choose of {', '.join(MEASURES)}")
        if self.setting.load and not self.setting.ready:
            raise ValueError("a load needs a program that is ready: say when it is")
        if self.measure == "ready_ms" and not self.setting.ready:
            raise ValueError("a time until ready needs to be told when the program is ready")
        if self.measure == "load_ms" and not self.setting.load:
            raise ValueError("a time of the load needs a load")
        if self.memory_limit_bytes is not None:
            limit.check(self.memory_limit_bytes)
        if self.io_limit_bytes is not None:
            limit.check_io(self.io_limit_bytes)
        taken = {NOTHING, TRACED, *CANDIDATES}
        for name in self.variants or {}:
            if name in taken or not name:
                raise ValueError(f"a variant needs a name of its own, not {name!r}")
        candidates.chosen(self.candidates)

    @property
    def decided_by(self) -> str:
        """What the trial is decided by: what was asked for, or what a user waits for."""
        if self.measure:
            return self.measure
        if self.setting.load:
            return "load_ms"
        return "ready_ms" if self.setting.ready else "wall_ms"

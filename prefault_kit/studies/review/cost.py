"""What a trial costs the reviewer: everything in seconds, by the reviewer's own weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from prefault_kit.studies.review.trial import Trial

GIB = 1 << 30
MOST_WEIGHT = 1e9
"""A weight beyond it decides alone, as this one does; costs stay far from overflowing."""


@dataclass(frozen=True)
class Weights:
    """The price of each thing in seconds of the program's work, a second of which counts 1."""

    startup: float = 1.0
    """A second of prefaulting."""
    tail: float = 0.0
    """A millisecond of the 99.9th percentile of the first touches."""
    written: float = 0.0
    """A GiB written back, beside the time of waiting for it."""
    memory: float = 0.0
    """A GiB held after the accesses."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 <= value <= MOST_WEIGHT:
                raise ValueError(
                    f"a weight is a number from 0 to {MOST_WEIGHT:,.0f}, not {value:g} "
                    f"as that of {each.name}"
                )

    @classmethod
    def parse(cls, text: str) -> Weights:
        """Read ``startup=0.1,tail=2``; what is not named keeps its default.

        ValueError in one sentence if the text is something else.
        """
        known = {each.name for each in fields(cls)}
        values = {}
        for part in filter(None, text.split(",")):
            name, equals, number = part.partition("=")
            if name.strip() not in known or not equals:
                raise ValueError(
                    f"{part!r} is no weight: give {', '.join(sorted(known))} as NAME=NUMBER"
                )
            try:
                values[name.strip()] = float(number)
            except ValueError:
                raise ValueError(f"{number!r} is not a number, in {part!r}") from None
        return cls(**values)

    def __str__(self) -> str:
        return ",".join(f"{name}={value:g}" for name, value in asdict(self).items())


def cost_s(trial: Trial, weights: Weights) -> float:
    """The cost in seconds: access, sync and refault count as they are, the rest by weight."""
    work_ms = trial.access_ms + (trial.sync_ms or 0) + (trial.refault_ms or 0)
    return (
        weights.startup * trial.prefault_ms / 1000
        + work_ms / 1000
        + weights.tail * trial.first_touch_us["p999"] / 1000
        + weights.written * (trial.bytes_written_back or 0) / GIB
        + weights.memory * trial.memory_bytes_after_access / GIB
    )

"""Claims of a case as ranges, and whether what was found lies in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prefault_kit.host import Unavailable, thp
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.measure.contest import Contest
from prefault_kit.memory.mapping import Mapping as Memory

if TYPE_CHECKING:
    from prefault_kit.studies.field.case import Case

HOLDS, DIFFERS, NOT_TESTABLE = "holds", "differs", "not-testable"


@dataclass(frozen=True)
class Seen:
    """A count, and what it is a part of."""

    count: int
    whole: int

    @property
    def share(self) -> float:
        """The part, 0 to 1."""
        return self.count / self.whole if self.whole else math.nan


def _pages(memory: Memory) -> int:
    return memory.size_bytes // PAGE_SIZE_BYTES


def _cached(memory: Memory, _: Work) -> Seen:
    cache = memory.file_cache()
    return Seen((cache.cached or 0) if cache else 0, _pages(memory))


def _resident(memory: Memory, _: Work) -> Seen:
    return Seen((memory.usage().rss or 0) // PAGE_SIZE_BYTES, _pages(memory))


def _huge(memory: Memory, _: Work) -> Seen:
    size = thp.size_bytes() or memory.size_bytes
    return Seen((memory.usage().anon_huge or 0) // size, memory.size_bytes // size)


LOOKS: dict[str, Callable[[Memory, Work], Seen]] = {
    "major faults": lambda _, work: Seen(work.major_faults, work.done_bytes // PAGE_SIZE_BYTES),
    "minor faults": lambda _, work: Seen(work.minor_faults, work.done_bytes // PAGE_SIZE_BYTES),
    "pages cached": _cached,
    "pages resident": _resident,
    "pages present": lambda memory, _: Seen(memory.pages().present, _pages(memory)),
    "huge pages": _huge,
}
"""What is counted after a way: faults, of the pages its last step did; pages, of the memory."""


@dataclass(frozen=True)
class Failure:
    """A way that ended with an error: its errno, and the part that was populated before it."""

    errno: str
    share: float

    @classmethod
    def of(cls, error: PrefaultError, size_bytes: int) -> Failure:
        """What an error tells."""
        return cls(ERRNO_NAMES.get(error.errno or 0, "?"), error.populated_bytes / size_bytes)

    def __str__(self) -> str:
        return f"{self.errno} after {percent(self.share)}"


@dataclass(frozen=True)
class Found:
    """What the trial of a case gave; ``missing`` says why there was none."""

    case: Case
    contest: Contest
    seen: Mapping[str, Mapping[str, Seen]]
    """By way, by look; of the last repetition."""
    failures: Mapping[str, Failure]
    missing: Unavailable | None = None

    def verdicts(self, *, timed: bool) -> list[Verdict]:
        """The verdicts on claims about times, or on those about counts and errors."""
        return [each.verdict(self) for each in self.case.claims if each.timed == timed]


@dataclass(frozen=True)
class Verdict:
    """What a claim says and what was found; ``reason`` says why they may differ."""

    text: str
    way: str
    expected: str
    observed: str
    verdict: str
    reason: str = ""


class Claim(Protocol):
    """A sentence about a way that a trial can contradict."""

    @property
    def text(self) -> str:
        """The sentence."""

    @property
    def way(self) -> str:
        """The way's name."""

    @property
    def timed(self) -> bool:
        """Whether it is about times, which differ from run to run."""

    def verdict(self, found: Found) -> Verdict:
        """Whether it holds."""


@dataclass(frozen=True)
class Ratio:
    """The best time of one way over that of another is from ``low`` to ``high``."""

    text: str
    way: str
    over: str
    low: float = 0.0
    high: float = math.inf
    reason: str = ""
    """Why it need not hold on every machine."""
    timed = True

    def verdict(self, found: Found) -> Verdict:
        """See :class:`Claim`."""
        expected = _range(self.low, self.high, lambda value: f"{value:g} times as long")
        if (self.low, self.high) == (0, 1):
            expected = "at most as long"
        if found.missing:
            return _not_testable(self, expected, found.missing)
        ratio = found.contest.ratio(self.way, self.over)
        holds = self.low <= ratio <= self.high
        return Verdict(
            self.text,
            self.way,
            expected,
            f"{ratio:.2f} times",
            HOLDS if holds else DIFFERS,
            "" if holds else self.reason,
        )


@dataclass(frozen=True)
class Share:
    """What is counted after a way is from ``low`` to ``high`` of all that there is (0 to 1)."""

    text: str
    way: str
    look: str
    low: float
    high: float
    reason: str = ""
    """Why it need not hold on every kernel."""
    timed = False

    def verdict(self, found: Found) -> Verdict:
        """See :class:`Claim`."""
        expected = _range(self.low, self.high, percent)
        if found.missing:
            return _not_testable(self, expected, found.missing)
        share = found.seen[self.way][self.look].share
        if self.low <= share <= self.high:
            return Verdict(self.text, self.way, expected, expected, HOLDS)
        return Verdict(self.text, self.way, expected, percent(share), DIFFERS, self.reason)


@dataclass(frozen=True)
class Ends:
    """A way ends with this failure, or without one."""

    text: str
    way: str
    failure: Failure | None
    timed = False

    def verdict(self, found: Found) -> Verdict:
        """See :class:`Claim`."""
        expected = str(self.failure or "no error")
        if found.missing:
            return _not_testable(self, expected, found.missing)
        observed = str(found.failures.get(self.way, "no error"))
        return Verdict(
            self.text, self.way, expected, observed, HOLDS if observed == expected else DIFFERS
        )


def _not_testable(claim: Claim, expected: str, missing: Unavailable) -> Verdict:
    return Verdict(claim.text, claim.way, expected, "", NOT_TESTABLE, str(missing))


def percent(share: float) -> str:
    """A part in words: ``all``, ``none``, ``62.5%``."""
    return {0.0: "none", 1.0: "all"}.get(share, f"{100 * share:.3g}%")


def _range(low: float, high: float, say: Callable[[float], str]) -> str:
    if low == high:
        return say(low)
    if low == 0:
        return f"at most {say(high)}"
    if high == (1 if say is percent else math.inf):
        return f"at least {say(low)}"
    return f"{low:g} to {say(high)}" if say is not percent else f"{say(low)} to {say(high)}"

"""Try a case: its ways take turns, each on fresh memory, and what each left is counted."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field

from prefault_kit import host
from prefault_kit.host import Unavailable, features, thp
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.measure import contest
from prefault_kit.memory import small_tmpfs
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.field import steps
from prefault_kit.studies.field.case import Case, Memory, Way
from prefault_kit.studies.field.cases import CASES
from prefault_kit.studies.field.claims import LOOKS, Failure, Found, Seen


def run(case: Case | str, directory: str = ".") -> Found:
    """Try a case, or the one of :data:`CASES` with this id; files lie in ``directory``.

    Where this host lacks something, ``missing`` of what is returned says what and why.
    """
    case = CASES[case] if isinstance(case, str) else case
    if missing := why_not(case, directory):
        return Found(case, contest.Contest({}), {}, {}, missing)
    trials = {way.name: _Trial(case, way) for way in case.ways}
    with ExitStack() as stack:
        entrants = {name: trial.entrant(directory, stack) for name, trial in trials.items()}
        found = contest.between(entrants, repeats=case.repeats)
    failures = {name: trial.failure for name, trial in trials.items() if trial.failure}
    return Found(case, found, {name: trial.seen for name, trial in trials.items()}, failures)


def why_not(case: Case, directory: str = ".") -> Unavailable | None:
    """What stops a case on this host; None if nothing does."""
    if "pages cached" in case.looks and (missing := features.cachestat_in(directory)):
        return missing
    for way in case.ways:
        if missing := _why_not(case.memory_of(way), "mlock_on_fault" in way.before, directory):
            return missing
    return None


def _why_not(memory: Memory, locked: bool, directory: str) -> Unavailable | None:
    if memory.thp and (missing := thp.why_not()):
        return missing
    if memory.limit_bytes:
        return features.own_mounts()
    return host.why_not(
        backing=memory.backing(directory),
        sharing=memory.sharing,
        method="MLOCK" if locked else "Write",
        size_bytes=memory.bytes,
        start=memory.start,
    )


@dataclass
class _Trial:
    """One way of a case, and what it left behind in its last repetition."""

    case: Case
    way: Way
    seen: dict[str, Seen] = field(default_factory=dict)
    failure: Failure | None = None

    def entrant(self, directory: str, stack: ExitStack) -> contest.Entrant:
        """Enter it for the contest; what it opens is closed by ``stack``."""
        memory = self.case.memory_of(self.way)
        fd = None
        if memory.limit_bytes:
            fd = small_tmpfs.file(memory.limit_bytes, memory.bytes)
            stack.callback(os.close, fd)
        return contest.Entrant(
            self.perform,
            memory.backing(directory),
            memory.bytes,
            memory.sharing,
            start=memory.start,
            thp=memory.thp,
            fd=fd,
        )

    def perform(self, memory: Mapping) -> Work:
        """Do the steps; the work of those that are timed, as far as they came."""
        for step in self.way.before:
            steps.do(memory, step, self.way.threads)
        work, self.failure = Work(), None
        try:
            for step in self.way.steps:
                work += steps.do(memory, step, self.way.threads)
        except PrefaultError as error:
            work += error.work
            self.failure = Failure.of(error, memory.size_bytes)
        self.seen = {look: LOOKS[look](memory, work) for look in self.case.looks}
        return work

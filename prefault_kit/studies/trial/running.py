"""Run a program as it is and with each candidate, taking turns."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from prefault_kit import host
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.tracer import Rule, Tracer, find_program
from prefault_kit.measure.interleaving import interleave
from prefault_kit.studies.trial import advice, candidates, files, limit, mappings
from prefault_kit.studies.trial.candidates import NOTHING, TRACED, Candidate
from prefault_kit.studies.trial.command import words
from prefault_kit.studies.trial.limit import Limited
from prefault_kit.studies.trial.mappings import LOOKS, Choice, Group, Survey
from prefault_kit.studies.trial.plan import Plan
from prefault_kit.studies.trial.result import Again, Row, Run, Seen, Trial
from prefault_kit.studies.trial.run import RunFailed, Watched, perform
from prefault_kit.studies.trial.watching import watch

MOST_AGAIN = 3
"""How many rows are run again, until one keeps what it promised."""


@dataclass(frozen=True)
class TrialProgress:
    """One step of a trial: the part done, 0 to 1, and words."""

    part: float
    words: str


def why_not(program: str) -> Unavailable | None:
    """Why a program cannot be traced; None if nothing is known against it. OSError without it."""
    path = find_program(program)
    if os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
        return Unavailable(
            f"{program} is setuid or setgid, and a traced program has no privilege of its owner's: "
            "try the program that it starts"
        )
    with contextlib.suppress(OSError):
        os.getxattr(path, "security.capability")
        return Unavailable(
            f"{program} has capabilities of its own, which a traced program has not: "
            "try a copy of it without them"
        )
    return None


def why_no_tracing() -> Unavailable | None:
    """Why no program can be traced here; None if one can, which was tried."""
    try:
        with Tracer(["true"]) as running:
            running.wait(60)
    except OSError as error:
        return _no_tracing(error)
    return None


def _no_tracing(error: OSError) -> Unavailable:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    with contextlib.suppress(OSError):
        if int(scope.read_text()) > 1:
            return Unavailable(
                f"this system lets no ordinary user trace a program ({scope} is "
                f"{scope.read_text().strip()})",
                f"echo 1 | sudo tee {scope}",
            )
    if error.errno == errno.ENOSYS:
        return Unavailable(
            f"advice is put into programs on x86-64 and aarch64 alone, and this is "
            f"{os.uname().machine}"
        )
    return Unavailable(f"a program cannot be traced here ({error.strerror}): a sandbox forbids it")


def survey(plan: Plan) -> tuple[list[Group], Watched]:
    """The mappings of a program, from a run of its own; RunFailed, OSError."""
    seen = Survey()
    least = plan.choice.least_bytes
    watched = perform(
        plan.command,
        plan.setting,
        record=True,
        follow=True,
        least_bytes=least,
        look=seen.look,
        looks=LOOKS,
    )
    if watched.end.traces:
        raise RunFailed(
            "it traces programs itself (ptrace), and who is traced cannot: try what it traces"
        )
    if any(each.what == "userfaultfd" for each in watched.events):
        raise RunFailed(
            "it handles page faults itself (userfaultfd), and is never asked for what a page holds "
            "that is populated before: its results would change"
        )
    return seen.groups(watched.events, least), watched


def rules_of(candidate: Candidate, choice: Choice, chosen: Sequence[Group]) -> list[Rule]:
    """The rules that give a candidate to the mappings that were chosen, if it is for them."""
    moment = choice.moment if choice.moment != "auto" else "mmap"
    if candidate.drop_populate or candidate.drop_advice:
        moment = "mmap"
    kinds = tuple(each for each in choice.kinds if each in candidate.kinds)
    if not kinds or not chosen:
        return []
    return [
        Rule(
            candidate.advices,
            least_bytes=choice.least_bytes,
            most_bytes=choice.most_bytes,
            kinds=kinds,
            access=candidate.access,
            path=choice.path,
            moment=moment,
            drop_populate=candidate.drop_populate,
            drop_advice=candidate.drop_advice,
        )
    ]


def why_not_candidate(candidate: Candidate, chosen: Sequence[Group], moment: str) -> str | None:
    """Why a candidate has no sense for the mappings that were chosen; None if it has."""
    if candidate.drop_populate:
        if not any(each.populated for each in chosen):
            return "the program does not use MAP_POPULATE there"
        return None
    if candidate.drop_advice:
        return None if any(each.advice for each in chosen) else "the program gives no advice there"
    fitting = [each for each in chosen if each.kind in candidate.kinds]
    if not fitting:
        return f"it is for mappings of these kinds alone: {', '.join(candidate.kinds)}"
    if moment == "writable":
        fitting = [each for each in fitting if each.made_writable]
        return None if fitting else "no such mapping is made writable later"
    if moment == "advice":
        fitting = [each for each in fitting if each.advice]
        return None if fitting else "the program gives no advice to such a mapping"
    if not any(set(candidate.access) <= set(each.access) for each in fitting):
        return f"no such mapping is mapped {candidate.access}"
    return None


def run(plan: Plan, *, on_progress: Callable[[TrialProgress], None] | None = None) -> Trial:
    """Try a program: one run that lists its mappings, then all rows, taking turns.

    The outcome is ``unavailable`` where it cannot be traced here, ``error`` where the program could
    not be run as it is. OSError where there is no such program.
    """
    record = Trial(
        plan.command,
        "ok",
        measure=plan.decided_by,
        start=plan.start,
        choice=plan.choice,
        host=host.facts(),
        options=words(plan),
    )
    for command in (plan.command, *(plan.variants or {}).values()):
        if missing := why_not(command[0]):
            return replace(
                record, outcome="unavailable", message=missing.reason, enable=missing.command
            )
    wanted = [limit.MEMORY] * (plan.memory_limit_bytes is not None)
    wanted += [limit.IO] * (plan.io_limit_bytes is not None)
    if wanted and (missing := limit.why_not(*wanted)):
        return replace(
            record, outcome="unavailable", message=missing.reason, enable=missing.command
        )
    with contextlib.ExitStack() as stack:
        own = None
        if wanted:
            io = plan.io_limit_bytes is not None
            own = stack.enter_context(limit.limited(plan.memory_limit_bytes, io=io))
            left = own.available_bytes if plan.memory_limit_bytes is not None else None
            setting = replace(plan.setting, before=own.take, limit_available=left)
            plan = replace(plan, setting=setting)
        return _Trying(plan, record, on_progress, own).run()


class _Row(NamedTuple):
    """A way to run the program; without rules it is not traced."""

    name: str
    command: tuple[str, ...]
    rules: list[Rule] | None


class _Trying:
    """A trial in progress."""

    def __init__(
        self,
        plan: Plan,
        record: Trial,
        on_progress: Callable[[TrialProgress], None] | None,
        limited: Limited | None = None,
    ) -> None:
        self._plan = plan
        self._limited = limited
        self._record = record
        self._on_progress = on_progress
        self._notes: list[str] = []
        self._expected: int | None = 0
        self._total = 1
        self._done = 0

    def run(self) -> Trial:
        """All of it."""
        self._tell("the first run, which lists the mappings")
        try:
            groups, first = survey(self._plan)
        except RunFailed as failure:
            return self._ended("error", f"the program could not be tried: {failure}")
        except OSError as error:
            if error.filename is None and error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
                missing = _no_tracing(error)
                return self._ended("unavailable", missing.reason, missing.command)
            raise
        if not self._takes_end(first):
            return self._ended("error", f"the program failed: {_how(first)}")
        try:
            choice, chosen = self._choose(groups)
        except ValueError as error:
            return replace(self._ended("error", str(error)), groups=tuple(groups))
        self._record = replace(
            self._record,
            groups=tuple(groups),
            chosen=tuple(chosen),
            choice=choice,
            moment=choice.moment,
        )
        own_files = files.mapped(groups)
        if self._plan.io_limit_bytes is not None:
            lacking = self._throttle(own_files, first)
            if lacking:
                return self._ended("unavailable", lacking.reason, lacking.command)
        return self._measure(choice, chosen, own_files)

    def _throttle(self, own_files: Sequence[str], first: Watched) -> Unavailable | None:
        """Limit the devices that the program's files lie on; why that cannot be."""
        programs = [each.path for each in first.events if each.what == "exec"]
        devices = limit.devices_of([*own_files, *self._plan.evicted, *programs, os.curdir])
        if not devices:
            return Unavailable(
                "the program's files lie on no block device of which the I/O could be limited"
            )
        assert self._limited is not None and self._plan.io_limit_bytes is not None
        try:
            self._limited.throttle(devices, self._plan.io_limit_bytes)
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            return Unavailable(f"the I/O of the program's devices cannot be limited: {said}")
        if not self._limited.writes_are_throttled:
            self._notes.append(
                "the I/O limit holds for reads and direct writes alone: cgroup version 1 does not "
                "limit what the kernel writes back"
            )
        return None

    def _choose(self, groups: Sequence[Group]) -> tuple[Choice, list[Group]]:
        choice = self._plan.choice
        if self._plan.only_group is not None:
            if not 1 <= self._plan.only_group <= len(groups):
                raise ValueError(
                    f"there is no mapping {self._plan.only_group}: the first run showed "
                    f"{len(groups)}"
                )
            group = groups[self._plan.only_group - 1]
            choice, chosen = choice.of(group), [group]
        else:
            chosen = [each for each in groups if choice.matches(each)]
        if choice.moment == "auto":
            choice = replace(choice, moment=mappings.moment_of(chosen))
        return choice, chosen

    def _takes_end(self, first: Watched) -> bool:
        """Whether the first run ended as one that can be repeated."""
        self._expected = first.end.status
        if self._plan.setting.ready:
            self._expected = None  # it was ended by us
            return True
        if first.end.status is None or first.end.status < 0:
            return False
        if first.end.status:
            self._notes.append(
                f"the program's exit status is {first.end.status}, as in every run that counts"
            )
        if first.end.left:
            self._notes.append(
                f"{first.end.left} of its processes still ran as it ended, and were ended too"
            )
        if first.end.lost:
            self._notes.append(
                "it maps memory so often that not all was kept: what it maps later is not in the "
                "figures of its mappings"
            )
        if any(each.what == "seccomp" for each in first.events):
            self._notes.append(
                "it filters its own system calls (seccomp): from there on it is given no advice"
            )
        setuid = sorted(
            {
                os.path.basename(each.path)
                for each in first.events
                if each.what == "exec" and each.refused
            }
        )
        if setuid:
            self._notes.append(
                f"{', '.join(setuid)} is setuid, and ran without its owner's privilege"
            )
        return True

    def _rows(self, choice: Choice, chosen: Sequence[Group]) -> tuple[list[_Row], list[Row]]:
        """The rows to be run, and those that have no sense here."""
        command = self._plan.command
        # stopped where the others are, at both ends of the call
        seen = rules_of(Candidate(TRACED), choice, chosen)
        rows = [_Row(NOTHING, command, None), _Row(TRACED, command, seen)]
        refused = []
        for each in candidates.chosen(self._plan.candidates):
            reason = (
                why_not_candidate(each, chosen, choice.moment)
                if chosen
                else "no mapping of the program was chosen"
            )
            rules = rules_of(each, choice, chosen)
            if reason or not rules:
                refused.append(Row(each.name, "not-applicable", reason or "it is for other kinds"))
            else:
                rows.append(_Row(each.name, command, rules))
        rows += [_Row(name, words, None) for name, words in (self._plan.variants or {}).items()]
        return rows, refused

    def _measure(self, choice: Choice, chosen: Sequence[Group], own_files: list[str]) -> Trial:
        rows, refused = self._rows(choice, chosen)
        paths = list(dict.fromkeys([*own_files, *self._plan.evicted]))
        watched = [each for each in rows if each.rules is not None]
        self._total = (self._plan.repeats + 1) * (len(rows) + 2) + len(watched)
        runs, failed = self._turns(rows, choice, paths)
        for index in failed:
            if rows[index].name in (NOTHING, TRACED):
                said = f"the program failed ({rows[index].name}): {failed[index]}"
                return self._ended("error", said)
        found = [
            Row(each.name, "error", failed[index])
            if index in failed
            else Row(each.name, "ok", None, tuple(runs[index]))
            for index, each in enumerate(rows)
        ]
        trial = replace(self._record, rows=(*found, *refused))
        trial = replace(trial, again=tuple(self._again(trial, rows, choice, paths)))
        names = {rows[index].name for index in failed}
        seen = self._watch([each for each in watched if each.name not in names], choice, paths)
        trial = replace(
            trial, rows=tuple(replace(each, seen=seen.get(each.name)) for each in trial.rows)
        )
        self._tell("done", self._total)
        return replace(trial, notes=tuple(self._notes))

    def _watch(self, rows: Sequence[_Row], choice: Choice, paths: Sequence[str]) -> dict[str, Seen]:
        """Run each row once more, watched."""
        found: dict[str, Seen] = {}
        groups = self._record.groups
        for row in rows:
            self._done += 1
            self._tell(f"{row.name}, a run that is watched", self._done)
            files.prepare(self._plan.start, paths)
            try:
                seen, watched = watch(
                    row.command,
                    self._plan.setting,
                    row.rules or (),
                    groups,
                    least_bytes=choice.least_bytes,
                )
            except RunFailed as failure:
                self._note(f"{row.name} failed when it was watched: {failure}")
                continue
            if self._failed(watched, variant=False):
                self._note(f"{row.name} failed when it was watched: {_how(watched)}")
                continue
            found[row.name] = seen
            if seen.why_not:
                self._note(f"faults were not observed: {seen.why_not}")
        return found

    def _note(self, words: str) -> None:
        if words not in self._notes:
            self._notes.append(words)

    def _again(
        self, trial: Trial, rows: Sequence[_Row], choice: Choice, paths: Sequence[str]
    ) -> Iterator[Again]:
        """Run the best row and its base once more, and the next best where it was luck."""
        by_name = {each.name: each for each in rows}
        for best in advice.helping(trial)[:MOST_AGAIN]:
            base = advice.base_of(trial, best)
            assert base
            two = [by_name[base.name], by_name[best.name]]
            runs, failed = self._turns(two, choice, paths)
            if failed:
                continue
            again = Again(best.name, tuple(runs[1]), tuple(runs[0]))
            yield again
            if advice.confirmed(trial, again):
                return

    def _turns(
        self, rows: Sequence[_Row], choice: Choice, paths: Sequence[str]
    ) -> tuple[list[list[Run]], dict[int, str]]:
        """The runs of each row, which take turns, and why a row failed."""
        runs: list[list[Run]] = [[] for _ in rows]
        failed: dict[int, str] = {}
        repeats = self._plan.repeats
        order = {"turning": len(rows) == 2, "shuffled": len(rows) > 2}
        for repetition, index, row in interleave(rows, repeats, **order):
            self._done += 1
            self._tell(f"{row.name}, run {repetition} of {repeats}", self._done)
            if index in failed or any(rows[each].name in (NOTHING, TRACED) for each in failed):
                continue
            for each in files.prepare(self._plan.start, paths):
                self._note(f"not {self._plan.start}: {each}")
            cached = files.cached_bytes(paths)
            try:
                watched = perform(
                    row.command,
                    self._plan.setting,
                    row.rules or (),
                    traced=row.rules is not None,
                    least_bytes=choice.least_bytes,
                    follow=choice.moment != "mmap" or None,
                )
            except RunFailed as failure:
                failed[index] = str(failure)
                continue
            if self._failed(watched, variant=row.rules is None and row.name != NOTHING):
                failed[index] = _how(watched)
            elif repetition:
                runs[index].append(_with_growth(watched.run, cached, files.cached_bytes(paths)))
        return runs, failed

    def _failed(self, watched: Watched, *, variant: bool) -> bool:
        """Whether a run ended otherwise than the first one; a variant only has to end by itself."""
        status = watched.end.status
        if self._expected is None:
            return False
        return status is None or status < 0 if variant else status != self._expected

    def _tell(self, words: str, done: int = 0) -> None:
        if self._on_progress:
            self._on_progress(TrialProgress(min(1.0, done / self._total), words))

    def _ended(self, outcome: str, message: str, command: str | None = None) -> Trial:
        return replace(
            self._record,
            outcome=outcome,
            message=message,
            enable=command,
            notes=tuple(self._notes),
        )


def _with_growth(run: Run, before: int | None, after: int | None) -> Run:
    if before is None or after is None:
        return run
    return replace(run, cache_growth_bytes=after - before)


def _how(watched: Watched) -> str:
    """How a run ended, with the last line that the program said."""
    status = watched.end.status
    if status is None:
        how = "it did not begin"
    elif status < 0:
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-status).name} ended it{_last(watched.tail)}"
        how = f"signal {-status} ended it"
    else:
        how = f"exit status {status}"
    return how + _last(watched.tail)


def _last(tail: str) -> str:
    lines = tail.strip().splitlines()
    return f"; its last words: {lines[-1]}" if lines else ""

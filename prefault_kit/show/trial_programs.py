"""Trials of several programs side by side: what helps each, and whether it came true by hand."""

from __future__ import annotations

from collections.abc import Mapping

from prefault_kit.measure import intervals
from prefault_kit.show.claims import Table
from prefault_kit.show.units import format_ms
from prefault_kit.studies.trial import Trial, advice, programs
from prefault_kit.studies.trial.candidates import NOTHING, TRACED
from prefault_kit.studies.trial.result import MEASURES

Trials = Mapping[str, tuple[Trial, Trial | None]]
"""By the program's name: its trial, and the one with what was carried out by hand."""
NOTHING_HELPS = "nothing"


def helps(trial: Trial) -> str:
    """The row that is recommended; :data:`NOTHING_HELPS` where none is."""
    found = advice.recommend(trial)
    return found.name if found and found.gain else NOTHING_HELPS


def overview(trials: Trials) -> Table:
    """A line for each program: the time that decides, as it is, and with what helps most."""
    lines = []
    for name, (trial, _) in trials.items():
        found = advice.recommend(trial)
        plain = trial.row(NOTHING).median(trial.measure)
        gain = found.gain if found else None
        of_it = "" if gain is None else _part(intervals.Ratio(
            1 / gain.ratio, 1 / gain.high, 1 / gain.low
        ))  # fmt: skip
        as_it_is = "" if plain is None else format_ms(plain)
        title = programs.PROGRAMS[name].title
        lines.append((title, MEASURES[trial.measure], as_it_is, helps(trial), of_it))
    return Table(("program", "decided by", "as it is", "what helps", "of the time"), tuple(lines))


def by_hand(trials: Trials) -> Table:
    """What was recommended, put in by the tracer and carried out by hand, in the same turns."""
    lines = []
    for name, (_, again) in trials.items():
        if again is None:
            continue
        both = injected(again), carried_out(again)
        lines.append(
            (
                programs.PROGRAMS[name].title,
                put_in(again) or "",
                *("" if each is None else _part(each) for each in both),
                "yes" if came_true(again) else "NO",
            )
        )
    head = ("program", "what helps", "put in: of the time", "by hand: of the time", "came true")
    return Table(head, tuple(lines))


def put_in(trial: Trial) -> str | None:
    """The candidate of a trial that had something by hand beside it."""
    others = (NOTHING, TRACED, programs.BY_HAND)
    ran = (each.name for each in trial.rows if each.outcome == "ok")
    return next((name for name in ran if name not in others), None)


def injected(trial: Trial) -> intervals.Ratio | None:
    """The time with the advice put in, of that without."""
    name = put_in(trial)
    return advice.compared(trial, trial.row(name)) if name else None


def carried_out(trial: Trial) -> intervals.Ratio | None:
    """The time with the advice carried out by hand, of that without."""
    return advice.compared(trial, trial.row(programs.BY_HAND))


def came_true(trial: Trial) -> bool:
    """Whether it is faster by hand too, and the two intervals have a part in common."""
    one, other = injected(trial), carried_out(trial)
    if one is None or other is None:
        return False
    return other.high < 1 and max(one.low, other.low) <= min(one.high, other.high)


def _part(found: intervals.Ratio) -> str:
    return f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"

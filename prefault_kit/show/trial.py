"""A trial in words and figures: each row, the mappings, what is recommended and what to write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.measure import intervals
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.sentences import sentence
from prefault_kit.show.units import format_ms
from prefault_kit.studies.trial import advice
from prefault_kit.studies.trial.advice import Recommendation
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.lines import fitting, lines
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.result import MEASURES, Row, Trial, longest

NOTICEABLE = 0.01
"""The part of its memory from which more of it is mentioned."""
COLUMNS = (
    "",
    "time",
    "of the time as it is",
    "",
    "processor",
    "faults",
    "major",
    "peak",
    "tables",
    "read",
    "advised",
)
MAPPING_COLUMNS = ("", "kind", "access", "count", "size", "used", "made at", "file")


def cells(trial: Trial, row: Row) -> tuple[str, ...]:
    """A row's figures by :data:`COLUMNS`, as text; empty where there is none."""
    if row.outcome != "ok" or not row.runs:
        return (row.name, *[""] * (len(COLUMNS) - 1))
    found = None if row.name == NOTHING else advice.compared(trial, row)
    return (
        row.name,
        _ms(row.median(trial.measure)),
        "" if found is None else f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})",
        _verdict(found),
        _ms(row.median("cpu_ms")),
        _count(row.median("minor_faults")),
        _count(row.median("major_faults")),
        _size(row.median("peak_bytes")),
        _size(row.median("page_table_bytes")),
        _size(row.median("read_bytes")),
        _advised(row),
    )


def _verdict(found: intervals.Ratio | None) -> str:
    words = advice.words(found)
    return "noise" if words == advice.NO_DIFFERENCE else words


def _ms(value: float | None) -> str:
    return "" if value is None else format_ms(value)


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _size(value: float | None) -> str:
    return "" if value is None else format_bytes(int(value)) if value else "0"


def _advised(row: Row) -> str:
    count, size = row.median("advised"), row.median("advised_bytes")
    return f"{count:,.0f}: {format_bytes(int(size or 0))}" if count else ""


def mapping_cells(number: int, group: Group) -> tuple[str, ...]:
    """A group of mappings by :data:`MAPPING_COLUMNS`, as text."""
    used = "" if group.resident_bytes is None else _size(group.resident_bytes)
    return (
        str(number),
        group.kind,
        group.access,
        f"{group.count:,}",
        format_bytes(group.length),
        used,
        str(group.place or ""),
        os.path.basename(group.path),
    )


def remarks(trial: Trial) -> list[str]:
    """What has to be said of rows: why one was not run, failed, or was refused in part."""
    said = []
    for row in trial.rows:
        if row.message:
            said.append(f"{row.name}: {sentence(row.message)}")
        for reason, count in row.counts("errors").items():
            said.append(f"{row.name}: {reason}, {count} times in a run.")
        for reason, count in row.counts("refused").items():
            said.append(f"{row.name}: not given to {count} mappings: {reason}.")
    return [*said, *map(sentence, trial.notes)]


def own_cost(trial: Trial) -> str:
    """What the tracer itself costs, in a sentence; empty where it is not known."""
    traced = next((each for each in trial.rows if each.name == TRACED), None)
    found = None if traced is None else advice.compared(trial, traced)
    if traced is None or found is None:
        return ""
    stops = traced.median("stops") or 0
    return (
        f"The tracer's own cost: {_ratio(found)} times the time of the program as it is, for "
        f"{stops:,.0f} stops a run."
    )


def _ratio(found: intervals.Ratio) -> str:
    return f"{found.ratio:.3f} ({found.low:.3f} to {found.high:.3f})"


def answer(trial: Trial) -> list[str]:
    """What is recommended, why, where and how; sentences, the first is the answer."""
    found = advice.recommend(trial)
    what = MEASURES[trial.measure]
    if found is None:
        return [sentence(trial.message or "nothing could be compared")]
    if found.gain is None:
        said = [f"{advice.NO_DIFFERENCE.capitalize()}: no candidate makes the {what} shorter."]
        return [*said, *_doubtful(found)]
    gain = found.gain
    again = next(each for each in trial.again if each.name == found.name)
    said = [
        f"{found.name}: the {what} is {1 / gain.ratio:.2f} of what it was "
        f"({1 / gain.high:.2f} to {1 / gain.low:.2f}), in {len(again.runs)} runs more, after the "
        "choice."
    ]
    if found.equals:
        said.append(f"As good within noise: {', '.join(found.equals)}.")
    said += _where(trial, found.name)
    for line in lines(trial, found.name):
        said.append(f"    {line}")
    base = min(each.peak_bytes for each in again.base)
    if found.extra_peak_bytes > NOTICEABLE * base:
        said.append(
            f"It costs {format_bytes(found.extra_peak_bytes)} more memory at the peak: what was "
            "populated and not used by then."
        )
    said += _doubtful(found)
    return said


def _doubtful(found: Recommendation) -> list[str]:
    if not found.doubtful:
        return []
    return [f"Faster at first, but not when run again: {', '.join(found.doubtful)}."]


def _where(trial: Trial, name: str) -> list[str]:
    candidate = CANDIDATES.get(name)
    if candidate is None:
        return []
    group = longest(fitting(trial, candidate))
    if group is None:
        return []
    moment = {
        "mmap": "as it is made",
        "advice": "after the program's own advice",
        "writable": "as it is made writable",
    }[trial.moment]
    path = f" of {group.path}" if group.path else ""
    made = f", made at {group.place}" if group.place else ""
    return [
        f"Where: {group.kind} memory{path}, {group.count} times, {format_bytes(group.length)} in "
        f"all{made}; {moment}:"
    ]


def as_dict(trial: Trial) -> dict[str, Any]:
    """The whole trial as one JSON object: the record, and what is concluded from it."""
    found = advice.recommend(trial) if trial.outcome == "ok" else None
    compared = {
        row.name: ratio
        for row in trial.rows
        if row.name != NOTHING and (ratio := advice.compared(trial, row))
    }
    return {
        **trial.as_dict(),
        "compared": {
            name: {**asdict(ratio), "verdict": advice.words(ratio)}
            for name, ratio in compared.items()
        },
        "recommendation": None
        if found is None
        else {**asdict(found), "lines": lines(trial, found.name)},
        "places": [str(each.place or "") for each in trial.groups],
    }


def ranked(trial: Trial) -> Sequence[Row]:
    """The rows that ran: the two of the program as it is, then the others, fastest first."""
    ran = [each for each in trial.rows if each.outcome == "ok"]
    first = [each for each in ran if each.name in (NOTHING, TRACED)]
    rest = [each for each in ran if each not in first]
    return [*first, *sorted(rest, key=lambda each: each.median(trial.measure) or 0.0)]

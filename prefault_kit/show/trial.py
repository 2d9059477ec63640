"""A trial in words and figures: each row, the mappings, what is recommended and what to write."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.measure import intervals
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.github import Frames, Line, annotation, nowhere
from prefault_kit.show.printable import printable, printable_long
from prefault_kit.show.sentences import sentence
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.trial import advice
from prefault_kit.studies.trial.advice import Recommendation
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.files import STARTS
from prefault_kit.studies.trial.lines import fitting, lines
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.result import MEASURES, Row, Trial, longest

NOTICEABLE = 0.01
"""The part of its memory from which more of it is mentioned."""
COMMAND = "Command to repeat it"
MOMENT_WORDS = {
    "auto": "when the first run suggests",
    "mmap": "as it is made",
    "advice": "after the program's own advice",
    "writable": "as it is made writable",
}
COLUMNS = (
    "",
    "time",
    "of the time as it is",
    "verdict",
    "processor",
    "faults",
    "major",
    "peak",
    "tables",
    "read",
    "cache",
    "advised",
)
SHORT = tuple(name for name in COLUMNS if name != "cache")
"""The columns that a terminal has room for."""
SHORTEST = ("", "time", "of the time as it is", "verdict", "faults")
"""Those that a narrow one has room for."""
MAPPING_COLUMNS = ("", "kind", "access", "count", "size", "used", "made at", "file")
WATCHED_COLUMNS = (
    "watched",
    "faults in what is advised",
    "elsewhere",
    "longest wait",
    "waited in all",
    "PSS",
    "not touched",
)
WATCHED_SHORTEST = ("watched", "faults in what is advised", "longest wait", "not touched")
"""Those that a narrow terminal has room for."""
MOST_REMARKS = 500
INDENT = "    "
"""Before a line of code in an answer."""


def cells(trial: Trial, row: Row) -> tuple[str, ...]:
    """A row's figures by :data:`COLUMNS`, as text; empty where there is none."""
    if row.outcome != "ok" or not row.runs:
        return (printable(row.name), *[""] * (len(COLUMNS) - 1))
    found = None if row.name == NOTHING else advice.compared(trial, row)
    return (
        printable(row.name),
        _ms(row.median(trial.measure)),
        "" if found is None else _ratio(found, 2),
        _verdict(found),
        _ms(row.median("cpu_ms")),
        _count(row.median("minor_faults")),
        _count(row.median("major_faults")),
        _size(row.median("peak_bytes")),
        _size(row.median("page_table_bytes")),
        _size(row.median("read_bytes")),
        _growth(row.median("cache_growth_bytes")),
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


def _growth(value: float | None) -> str:
    """What the page cache has more, or less, of the program's files."""
    if value is None or value == 0:
        return "" if value is None else "0"
    return f"{'+' if value > 0 else '-'}{format_bytes(abs(int(value)))}"


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
        printable(str(group.place or "")),
        printable(os.path.basename(group.path)),
    )


def watched_cells(trial: Trial, row: Row) -> tuple[str, ...]:
    """What a run more showed, by :data:`WATCHED_COLUMNS`, as text; empty where it was not seen."""
    seen = row.seen
    if seen is None:
        return (_watched_name(row), *[""] * (len(WATCHED_COLUMNS) - 1))
    inside = ""
    if seen.faults is not None:
        chosen = [seen.faults[at] for at in trial.chosen_at]
        inside = _faults(sum(each.minor for each in chosen), sum(each.major for each in chosen))
    wait = "" if seen.longest is None else format_ms(seen.longest.elapsed_ms)
    if seen.longest is not None and seen.longest.group is not None:
        wait += f" in {seen.longest.group + 1}"
    left = advice.unused(trial, row)
    return (
        _watched_name(row),
        inside,
        "" if seen.elsewhere is None else _faults(seen.elsewhere.minor, seen.elsewhere.major),
        wait,
        _ms(seen.waited_ms),
        _size(seen.pss_bytes),
        "" if left is None else f"{_size(left.unused_bytes)} ({left.part:.0%})",
    )


def _watched_name(row: Row) -> str:
    """The program as it is is watched in the hands of the tracer."""
    return "as it is, traced" if row.name == TRACED else printable(row.name)


def watched(trial: Trial) -> list[Row]:
    """The rows that have been watched, as they are ranked."""
    return [each for each in ranked(trial) if each.seen is not None]


def faults_by_mapping(trial: Trial) -> tuple[list[str], list[tuple[str, ...]]]:
    """A table: the rows that were watched as columns, a line for each mapping that faulted.

    The first column is the mapping's number, the last line what was elsewhere. Mappings with the
    same faults in all rows have one line together. Without a line where faults were not observed.
    """
    rows = [each for each in watched(trial) if each.seen and each.seen.faults is not None]
    heads = ["", *map(_watched_name, rows)]
    found = []
    same: list[tuple[int, int]] = []
    for at in range(len(trial.groups)) if rows else ():
        counts = [each.seen.faults[at] for each in rows if each.seen and each.seen.faults]
        cells = [_faults(each.minor, each.major) for each in counts]
        if len(rows) > 1 and len(set(cells)) == 1:
            same += [(counts[0].minor, counts[0].major)] if counts[0].total else []
        elif any(each.total for each in counts):
            found.append((str(at + 1), *cells))
    if same:
        count = _faults(sum(minor for minor, _ in same), sum(major for _, major in same))
        found.append((f"{len(same)} more", *[count] * len(rows)))
    outside = [each.seen.elsewhere for each in rows if each.seen]
    if any(outside):
        last = [_faults(each.minor, each.major) if each else "" for each in outside]
        found.append(("elsewhere", *last))
    return heads, found


def _faults(minor: int, major: int) -> str:
    return f"{minor + major:,} ({major:,} major)" if major else f"{minor:,}"


def how_measured(trial: Trial) -> list[str]:
    """How the figures came about, in sentences."""
    ran = [each for each in trial.rows if each.runs]
    runs = max((len(each.runs) for each in ran), default=0)
    said = [
        f"Each row is {runs} runs after one warm-up, and the rows took turns. A row with advice is "
        "held against the program in the hands of the tracer, which is stopped at the same calls "
        "and given nothing; any other row against the program without a tracer. Intervals are of "
        "95%, by resampling whole repetitions.",
        f"At the start of each run: {STARTS.get(trial.start, trial.start)}.",
        'Sizes are of the largest process: "peak" is resident memory at its highest, "tables" the '
        'page tables as it ended; "cache" is what the page cache has more of the files that it '
        "maps, which others may use as well. A program smaller than the kit, which begins it, has "
        "the kit's own peak (some 35 MiB).",
    ]
    seen = [each.seen for each in trial.rows if each.seen]
    if seen:
        said.append(
            "Faults by mapping, their waits and PSS are of one run more of each row, which was "
            "watched and is none of those that are timed. What an advice brings inside its call is "
            "none of these faults. A wait lasts from the moment at which the kernel begins with a "
            "fault until it has been handled; PSS is the most of one process when it let a mapping "
            "go or ended."
        )
    return said


def inputs(trial: Trial) -> list[tuple[str, str]]:
    """The case and the machine: a name and a text each."""
    facts = trial.host
    size = sum(each.length for each in trial.chosen)
    chosen = f"{format_bytes(size)} in {format_count(len(trial.chosen), 'line')}"
    thp = facts.get("thp")
    return [
        ("Program", printable_long(shlex.join(trial.command))),
        ("Decided by", MEASURES[trial.measure]),
        ("Files at the start", STARTS.get(trial.start, trial.start)),
        ("Advised", f"{chosen if trial.chosen else 'nothing'}; {MOMENT_WORDS[trial.moment]}"),
        (
            "Host",
            f"Linux {_fact(facts, 'kernel')}, {_fact(facts, 'cpu')}, {_fact(facts, 'cpus')} "
            f"processors, {_size_of(facts, 'memory_bytes')}, pages of "
            f"{_size_of(facts, 'page_size_bytes')}, transparent huge pages: "
            f"{printable(str(thp)) if thp else 'none'}, {_fact(facts, 'date')}",
        ),
        (COMMAND, printable_long(shlex.join(trial.again_command))),
    ]


def _fact(facts: Mapping[str, object], name: str) -> str:
    value = facts.get(name)
    return "?" if value is None else printable(str(value))


def _size_of(facts: Mapping[str, object], name: str) -> str:
    value = facts.get(name)
    return format_bytes(value) if isinstance(value, int) and value > 0 else "?"


def title(trial: Trial) -> str:
    """One line, about the program and not ``env`` before it."""
    words = list(trial.command)
    if os.path.basename(words[0]) == "env":
        words = [each for each in words[1:] if "=" not in each] or words
    return f"Which advice helps {printable(os.path.basename(words[0]))}?"


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
    seen = [each.seen for each in trial.rows if each.seen]
    if any(not each.kernel_included for each in seen if each.faults is not None):
        said.append(
            "Faults that the kernel took for the program, in read(2) for one, are not among them: "
            "that takes root, or kernel.perf_event_paranoid at 1."
        )
    if lost := sum(each.lost for each in seen):
        said.append(f"{lost:,} faults came too fast to be recorded, and are in no table.")
    said += map(sentence, trial.notes)
    return [printable_long(each) for each in said[:MOST_REMARKS]]


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


def _ratio(found: intervals.Ratio, places: int = 3) -> str:
    """With its interval, where there are runs enough for one."""
    if not math.isfinite(found.high):
        return f"{found.ratio:.{places}f}"
    return f"{found.ratio:.{places}f} ({found.low:.{places}f} to {found.high:.{places}f})"


def answer(trial: Trial) -> list[str]:
    """What is recommended, why, where and how; sentences, the first is the answer."""
    return [printable_long(each) for each in _answer(trial)]


def on_github(trial: Trial, locate: Callable[[Frames], Line | None] = nowhere) -> list[str]:
    """A workflow command of GitHub Actions: the answer, as a notice.

    At the line that makes what is advised, if ``locate`` knows it.
    """
    found = advice.recommend(trial)
    group = _group_for(trial, found.name) if found and found.gain else None
    # the call, not what it returns to
    at = locate([(each.path, each.offset - 1) for each in group.stack]) if group else None
    return [annotation("notice", title(trial), "\n".join(answer(trial)), at)]


def _answer(trial: Trial) -> list[str]:
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
        said.append(f"{INDENT}{line}")
    said += _cost(found, min(each.peak_bytes for each in again.base))
    said += _doubtful(found)
    return said


def _cost(found: Recommendation, base_bytes: int) -> list[str]:
    """What the advice costs in memory; nothing where that is not worth a word."""
    said = []
    if found.extra_peak_bytes > NOTICEABLE * base_bytes:
        said.append(
            f"It costs {format_bytes(found.extra_peak_bytes)} more memory at the peak: what was "
            "populated and not used by then."
        )
    left = found.unused
    if left is not None and left.part > NOTICEABLE:
        said.append(
            f"Of {format_bytes(left.resident_bytes)} that are resident of these mappings in the "
            f"end, {format_bytes(left.unused_bytes)} ({left.part:.0%}) are not without the advice: "
            "the program did not touch them."
        )
    elif left is not None and any("POPULATE" in each for each in CANDIDATES[found.name].advices):
        said.append(
            f"The program touched nearly all of the {format_bytes(left.resident_bytes)} that are "
            "resident of these mappings in the end."
        )
    return said


def _doubtful(found: Recommendation) -> list[str]:
    if not found.doubtful:
        return []
    return [f"Faster at first, but not when run again: {', '.join(found.doubtful)}."]


def _group_for(trial: Trial, name: str) -> Group | None:
    """The largest group that a candidate is for."""
    candidate = CANDIDATES.get(name)
    return None if candidate is None else longest(fitting(trial, candidate))


def _where(trial: Trial, name: str) -> list[str]:
    group = _group_for(trial, name)
    if group is None:
        return []
    path = f" of {printable(group.path)}" if group.path else ""
    made = f", made at {printable(str(group.place))}" if group.place else ""
    times = "once" if group.count == 1 else f"{group.count:,} times"
    return [
        f"Where: {group.kind} memory{path}, {times}, {format_bytes(group.length)} in all{made}; "
        f"{MOMENT_WORDS[trial.moment]}:"
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
        "command_line": shlex.join(trial.again_command),
    }


def ranked(trial: Trial) -> Sequence[Row]:
    """The rows that ran: the two of the program as it is, then the others, fastest first."""
    ran = [each for each in trial.rows if each.outcome == "ok"]
    first = [each for each in ran if each.name in (NOTHING, TRACED)]
    rest = [each for each in ran if each not in first]
    return [*first, *sorted(rest, key=lambda each: each.median(trial.measure) or 0.0)]

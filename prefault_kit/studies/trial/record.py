"""Trials as files: saved whole and without paths, checked when they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefault_kit.kernel.tracer import KINDS, MOMENTS
from prefault_kit.measure import plain, saved
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.files import STARTS
from prefault_kit.studies.trial.language import LANGUAGES
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.places import Place
from prefault_kit.studies.trial.plan import MOST_REPEATS
from prefault_kit.studies.trial.result import MEASURES, SCHEMA, Row, Run, Trial

OUTCOMES = ("ok", "error", "unavailable")
ROW_OUTCOMES = ("ok", "error", "not-applicable")
CONCLUDED = ("compared", "recommendation", "places", "command_line")
"""What ``try --json`` adds to the record: it follows from the rest, and is passed over."""
MOST_BYTES = 64 << 20
"""Of a file."""
MOST_ROWS = 200
PUBLIC = re.compile(r"/(?:usr/)?(?:bin|sbin|lib|lib64|libexec)/|/(?:dev|proc|sys)\b")
"""What says nothing of who has it: the system's own programs and libraries."""
PATHS = re.compile(r"(?<![\w./])/(?!/)[^\s'\":,;)]+")
"""Absolute paths in a text; not what is behind the host of an address."""
SIGNED = ("status", "cache_growth_bytes")
"""Numbers of a run that may be negative."""


def from_dict(data: dict[str, Any]) -> Trial:
    """The trial that ``as_dict`` gave, or ``try --json``; ValueError in one sentence otherwise."""
    if not isinstance(data, dict) or "schema" not in data:
        raise ValueError("it is no trial of this kit")
    if data["schema"] != SCHEMA:
        raise ValueError(
            f"it was written by another version of the kit ({data['schema']!r:.60}, this one reads "
            f"{SCHEMA!r})"
        )
    known = {name: value for name, value in data.items() if name not in ("schema", *CONCLUDED)}
    found = plain.read(Trial, known, "the trial")
    if wrong := next(_wrong(found), None):
        raise ValueError(f"the trial is damaged: {wrong}")
    return found


def _wrong(trial: Trial) -> Iterator[str]:
    """What makes no sense in a trial of which all types are right."""
    for name, value, known in (
        ("outcome", trial.outcome, OUTCOMES),
        ("measure", trial.measure, MEASURES),
        ("start", trial.start, STARTS),
        ("moment", trial.moment, ("auto", *MOMENTS)),
    ):
        if value not in known:
            yield f"{name} is {value!r:.60}"
    if not trial.command:
        yield "it has no command"
    names = [each.name for each in trial.rows]
    if len(names) != len(set(names)) or len(names) > MOST_ROWS:
        yield f"rows have names of their own, and are at most {MOST_ROWS}"
    for group in (*trial.groups, *trial.chosen):
        yield from _wrong_group(group)
    for row in trial.rows:
        yield from _wrong_row(row, len(trial.groups))
    for again in trial.again:
        base = TRACED if again.name in CANDIDATES else NOTHING
        if not {again.name, base} <= {each.name for each in trial.rows if each.outcome == "ok"}:
            yield f"{again.name!r:.60} was run again and is no row that ran"
        yield from _wrong_runs((*again.runs, *again.base))
        if not again.runs or not again.base:
            yield f"{again.name!r:.60} was run again without runs"


def _wrong_group(group: Group) -> Iterator[str]:
    if group.kind not in KINDS or group.language not in ("", *LANGUAGES):
        yield f"a mapping is {group.kind!r:.60} of {group.language!r:.60}"
    if not re.fullmatch(r"[r-][w-][x-]", group.access):
        yield f"a mapping is accessed {group.access!r:.60}"
    sizes = (group.count, group.length, group.least_bytes, group.most_bytes, group.made_writable)
    if min(sizes) < 0 or (group.resident_bytes or 0) < 0:
        yield "a mapping has a negative size"


def _wrong_row(row: Row, groups: int) -> Iterator[str]:
    if row.outcome not in ROW_OUTCOMES or (row.outcome == "ok") != bool(row.runs):
        yield f"{row.name!r:.60} is {row.outcome!r:.60} with {len(row.runs)} runs"
    yield from _wrong_runs(row.runs)
    seen = row.seen
    if seen is None:
        return
    if len(seen.resident) != groups or (seen.faults is not None and len(seen.faults) != groups):
        yield f"{row.name!r:.60} was watched with other mappings than there are"
    counts = [each for each in (*(seen.faults or ()), seen.elsewhere) if each]
    sizes = [size for each in seen.resident if each for size in (each.bytes, each.mappings)]
    numbers = [seen.pss_bytes or 0, seen.waited_ms or 0, seen.lost, *sizes]
    numbers += [count for each in counts for count in (each.minor, each.major)]
    if seen.longest:
        numbers += [seen.longest.elapsed_ms, seen.longest.group or 0]
        if (seen.longest.group or 0) >= max(1, groups):
            yield f"the longest wait of {row.name!r:.60} is in no mapping that there is"
    if min(numbers) < 0:
        yield f"{row.name!r:.60} was watched with negative counts"


def _wrong_runs(runs: tuple[Run, ...]) -> Iterator[str]:
    if len(runs) > 2 * MOST_REPEATS:
        yield f"a row has {len(runs)} runs"
    for run in runs:
        for name, value in vars(run).items():
            numbers = value.values() if isinstance(value, dict) else [value]
            if name not in SIGNED and any(each is not None and each < 0 for each in numbers):
                yield f"{name} of a run is negative"


def without_paths(trial: Trial) -> Trial:
    """The same trial, of which directories are left out: it may be shown to others.

    A file keeps its own name, behind DIR.
    """

    def group(each: Group) -> Group:
        stack = tuple(Place(_path(at.path), at.offset, at.symbol) for at in each.stack)
        return replace(each, path=_path(each.path) if each.path else "", stack=stack)

    return replace(
        trial,
        command=tuple(map(_word, trial.command)),
        options=tuple(map(_word, trial.options)),
        message=trial.message and _text(trial.message),
        enable=trial.enable and _text(trial.enable),
        notes=tuple(map(_text, trial.notes)),
        choice=replace(trial.choice, path=_text(trial.choice.path)),
        groups=tuple(map(group, trial.groups)),
        chosen=tuple(map(group, trial.chosen)),
        rows=tuple(
            replace(each, message=each.message and _text(each.message)) for each in trial.rows
        ),
    )


def _word(text: str) -> str:
    """A word of a command line: one that is a path as a whole may have blanks."""
    option, equals, value = text.partition("=")
    if text.startswith("/"):
        return _path(text)
    if text.startswith("-") and equals and value.startswith("/"):
        return f"{option}={_path(value)}"
    return _text(text)


def _path(path: str) -> str:
    return path if PUBLIC.match(path) else f"DIR/{os.path.basename(path)}"


def _text(text: str) -> str:
    return PATHS.sub(lambda found: _path(found[0]), text)


def save(trial: Trial, path: str | os.PathLike[str]) -> None:
    """Write a trial as a new JSON file, whole or not at all, without directories of this machine.

    FileExistsError if the path is taken, OSError as it comes.
    """
    saved.write(Path(path), saved.json_text(without_paths(trial).as_dict()) + "\n")


def load(path: str | os.PathLike[str]) -> Trial:
    """Read what :func:`save` wrote, or ``try --json``; ValueError, in a sentence, if it is not."""
    place = Path(path)
    with place.open("rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"{place} is larger than any trial ({MOST_BYTES >> 20} MiB)")
    try:
        data = saved.from_json(text)
    except ValueError:
        data = None
    try:
        return from_dict(data)  # type: ignore[arg-type]  # checked there
    except ValueError as error:
        raise ValueError(f"{place} cannot be read: {error}") from None

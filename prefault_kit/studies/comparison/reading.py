"""Read a recorded run, whoever made the file: checked first, refused in one sentence.

Known are the tables of ``matrix`` (with the host file beside them), what ``matrix``, ``run`` and
``check`` print with ``--json``, saved results, the kernels of ``data/kernels``, and
:data:`FORMAT`, which ``check --out`` and ``contribute`` write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prefault_kit.measure import plain, saved, table_file
from prefault_kit.measure.result import Result
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.memory.file_part import open_regular
from prefault_kit.studies.comparison.facts import is_name, known
from prefault_kit.studies.comparison.recorded import GRID, KINDS, VERDICTS, WORDS, Answer, Run

FORMAT = "prefault-kit run/1"
KERNEL_FORMAT = "prefault-kit kernel/1"
MOST_BYTES = 16 << 20
"""Of a file."""
MOST_ROWS = 10_000
"""Cells or verdicts of a run."""
MOST_RUNS = 200
MOST_LETTERS = 4000
"""Of a text in a row."""
MOST_SAID = 400
"""Letters of what is wrong with a file, beside its name."""
LONGEST_MS = 1e9
"""Eleven days; no repetition takes that."""
OTHERS = {
    "prefault-kit/trial-1": "a trial of a program",
    "prefault-kit-review/1": "a review",
    "prefault-kit/trace-1": "a trace",
}
"""Schemas of recorded runs of which only one can be looked at."""
ARCHIVE = b"PK\x03\x04"


@dataclass(frozen=True)
class _Kernel:
    """A file of ``data/kernels``."""

    format: str
    version: str
    architecture: str
    accelerator: str
    file_systems: tuple[str, ...]
    facts: dict[str, object]
    verdicts: tuple[Answer, ...]
    error: str = ""
    configuration: dict[str, str] | None = None


def read_all(
    paths: Sequence[str | os.PathLike[str]],
    *,
    on_progress: Callable[[float, str], object] = lambda part, name: None,
) -> list[Run]:
    """Read runs, each with a name of its own: its file's, and directories where that is needed.

    ValueError in one sentence that names the file; OSError as it comes.
    """
    if len(paths) > MOST_RUNS:
        raise ValueError(f"at most {MOST_RUNS} runs are compared, not {len(paths)}: name fewer")
    places = [Path(each) for each in paths]
    runs: list[Run] = []
    for place, name in zip(places, _names(places), strict=True):
        on_progress(len(runs) / len(places), name)
        runs.append(replace(read(place), name=name))
    return runs


def read(path: str | os.PathLike[str]) -> Run:
    """Read a run; ValueError in one sentence that names the file, OSError as it comes."""
    place = Path(path)
    try:
        return parse(_content(place), place)
    except ValueError as error:
        name = f"{place} "
        named = str(error).startswith(name)
        said = str(error).removeprefix(name) if named else f"cannot be compared: {error}"
        said = "".join(each if each.isprintable() else "?" for each in said)
        more = "..." if len(said) > MOST_SAID else ""
        raise ValueError(f"{name}{said[:MOST_SAID]}{more}") from None


def _names(places: Sequence[Path]) -> list[str]:
    """The ends of paths by which they are told apart; the same file twice is numbered."""
    parts = [(*each.parts[:-1], each.name.removesuffix(each.suffix)) for each in places]
    depth = [1] * len(parts)

    def name(at: int) -> str:
        return "/".join(parts[at][-depth[at] :])

    while True:
        names = [name(at) for at in range(len(parts))]
        longer = [
            at
            for at, each in enumerate(names)
            if names.count(each) > 1 and depth[at] < len(parts[at])
        ]
        if not longer:
            break
        for at in longer:
            depth[at] += 1
    return [
        each if names.count(each) == 1 else f"{each} #{names[: at + 1].count(each)}"
        for at, each in enumerate(names)
    ]


def _content(place: Path) -> bytes:
    """What is in a regular file; ValueError if it is none, or too large."""
    try:
        descriptor = open_regular(os.fspath(place))
    except IsADirectoryError:
        raise ValueError("it is a directory: name a file") from None
    except OSError as error:
        if error.strerror and "regular file" in error.strerror:
            raise ValueError("it is not a regular file: name another one") from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than any run ({MOST_BYTES >> 20} MiB)")
    return data


def parse(content: bytes, place: Path) -> Run:
    """As :func:`read`, of what was read from ``place``; an error need not name it."""
    if content.startswith(b"schema,"):
        return _table(place, content)
    if content.startswith(ARCHIVE):
        raise ValueError(
            "it is a trace or a recording of latencies, and only grids and verdicts are"
        )
    try:
        data = saved.from_json(content)
    except ValueError as error:  # also of undecodable bytes
        deep = "nested" in str(error)
        raise ValueError(str(error) if deep else "it is neither a table nor JSON") from None
    found = _kind(data)
    return found(place, data)


def _kind(data: object) -> Callable[[Path, Any], Run]:
    """What reads it; ValueError if nothing does."""
    if isinstance(data, list):
        return _printed_verdicts
    if not isinstance(data, dict):
        raise ValueError("it is no run of this kit")
    if data.get("format") == KERNEL_FORMAT:
        return _kernel
    if data.get("format") == FORMAT:
        return _run
    schema = data.get("schema")
    if isinstance(schema, str) and schema in OTHERS:
        raise ValueError(f"it is {OTHERS[schema]}, and only grids and verdicts are")
    if "fields" in data and "groups" in data:
        raise ValueError("it is a recording of weights, and only grids and verdicts are")
    if "timings_ms" in data and "backing" in data:
        return _printed_result
    if schema is not None and schema != SCHEMA:
        raise ValueError(f"it was written by another version of the kit ({ascii(schema)[:60]})")
    if schema == SCHEMA and "plan" in data:
        raise ValueError("it is the host file of a table: name the .csv beside it")
    if schema == SCHEMA and "results" in data:
        return _saved
    if schema == SCHEMA and "rows" in data:
        return _printed_rows
    raise ValueError("it is no run of this kit, or of another version of it")


def _table(place: Path, content: bytes) -> Run:
    results = table_file.parse(content, place)
    beside = place.with_suffix(".host.json")
    host: object = {}
    if os.path.lexists(beside):
        try:
            data = saved.from_json(_content(beside))
            if not isinstance(data, dict) or data.get("schema") != SCHEMA:
                raise ValueError("it is not the host file of a table")
            host = data.get("host")
            return _grid(place, results, host)
        except ValueError as error:
            raise ValueError(f"with {beside.name} beside it, {error}") from None
    return _grid(place, results, host)


def _check_count(count: int, what: str) -> None:
    if not 0 < count <= MOST_ROWS:
        raise ValueError(f"it has {count} {what}, and a run has 1 to {MOST_ROWS}")


def _grid(place: Path, results: Sequence[Result], host: object) -> Run:
    """A run of cells; ValueError if one of them cannot be."""
    facts, left_out = known(host)
    _check_count(len(results), "cells")
    there = set()
    for each in results:
        cell = (*table_file.key(each), each.start, each.threads)
        if cell in there:
            raise ValueError(f"it has the cell {' '.join(map(str, cell))} twice")
        there.add(cell)
        _check(each)
    own = tuple(replace(each, host={}) if each.host else each for each in results)
    return Run(place.name.removesuffix(place.suffix), GRID, facts, own, left_out=left_out)


def _check(result: Result) -> None:
    """ValueError unless a result that is of the right types makes sense, too."""
    result.check_times()
    times = [each for each in (*result.timings_ms, result.warmup_ms) if each]
    if times and not 1e-9 <= min(times) <= max(times) <= LONGEST_MS:
        raise ValueError("a time in it is none: from a nanosecond to eleven days")
    for name in ("file_system", "errno"):
        value = getattr(result, name)
        if value is not None and not is_name(value):
            raise ValueError(f"{name} is {ascii(value)[:60]}, and is to be a name")
    for text in (result.message, result.command, *result.notes):
        _check_text(text, "a message or a note")


def _check_text(text: str | None, what: str) -> None:
    if text and (len(text) > MOST_LETTERS or not text.replace("\n", " ").isprintable()):
        raise ValueError(f"{what} in it has control characters, or over {MOST_LETTERS} letters")


def _results(entries: object) -> list[Result]:
    """Results of JSON objects."""
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValueError("its results are no list of objects")
    if len(entries) > MOST_ROWS:
        raise ValueError(f"it has {len(entries)} cells, and a run has 1 to {MOST_ROWS}")
    return [Result.from_dict(each) for each in entries]


def _printed_result(place: Path, data: dict[str, Any]) -> Run:
    """What ``run --json`` printed."""
    return _grid(place, _results([data]), data.get("host", {}))


def _saved(place: Path, data: dict[str, Any]) -> Run:
    """What ``measure.saved`` saved, if it is of one host."""
    results = _results(data["results"])
    hosts = [known(each.host)[0] for each in results]
    for host in hosts:
        host.pop("date", None)
    if any(host != hosts[0] for host in hosts):
        raise ValueError("it has results of several hosts: save those of each in a file")
    return _grid(place, results, results[0].host if results else {})


def _printed_rows(place: Path, data: dict[str, Any]) -> Run:
    """What ``matrix --json`` printed."""
    rows = data["rows"]
    columns = set(table_file.COLUMNS)
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise ValueError(f"its rows are no list of at most {MOST_ROWS}")
    if not all(isinstance(each, dict) and set(each) == columns for each in rows):
        raise ValueError("its rows have other columns than a table")
    return _grid(place, [table_file.result(each) for each in rows], data.get("host", {}))


def _verdicts(place: Path, answers: Sequence[Answer], host: object) -> Run:
    """A run of verdicts; ValueError if one of them cannot be."""
    facts, left_out = known(host)
    _check_count(len(answers), "verdicts")
    there = set()
    for each in answers:
        if not (is_name(each.id) and is_name(each.backing)):
            raise ValueError(f"a promise in it is called {ascii(each.id)[:60]}")
        if each.verdict not in WORDS:
            raise ValueError(f"a verdict in it is {ascii(each.verdict)[:60]}")
        for text in (each.source, each.claim, each.expected, each.observed, each.reason):
            _check_text(text, "a verdict")
        key = each.id, each.backing, each.expected
        if key in there:
            raise ValueError(f"it has the verdict on {each.id} for {each.backing} twice")
        there.add(key)
    name = place.name.removesuffix(place.suffix)
    return Run(name, VERDICTS, facts, answers=tuple(answers), left_out=left_out)


def _printed_verdicts(place: Path, data: list[Any]) -> Run:
    """What ``check --json`` printed, which says nothing of the host."""
    if len(data) > MOST_ROWS:
        raise ValueError(f"it has {len(data)} verdicts, and a run has 1 to {MOST_ROWS}")
    return _verdicts(place, [plain.read(Answer, each, "a verdict in it") for each in data], {})


def _kernel(place: Path, data: dict[str, Any]) -> Run:
    """A file of ``data/kernels``."""
    found = plain.read(_Kernel, data, "the recorded kernel")
    if not found.verdicts:
        raise ValueError(f"it has no verdicts ({found.error[:200] or 'and no reason why'})")
    own = {"machine": found.architecture, "accelerator": found.accelerator}
    return _verdicts(place, found.verdicts, {**found.facts, **own})


def _run(place: Path, data: dict[str, Any]) -> Run:
    """What :func:`as_dict` gave."""
    kind = data.get("kind")
    if kind not in tuple(KINDS) or set(data) != {"format", "kind", "host", "rows"}:
        raise ValueError(f"it is not {FORMAT}: that has a kind, a host and rows")
    rows = data["rows"]
    if kind == GRID:
        return _grid(place, _results(rows), data["host"])
    if not isinstance(rows, list):
        raise ValueError("its rows are no list of objects")
    return _verdicts(place, _printed_verdicts(place, rows).answers, data["host"])


def as_dict(run: Run) -> dict[str, Any]:
    """The JSON object of :data:`FORMAT`, which :func:`read` reads; fields that are empty are left
    out of its rows."""
    rows = [row(each) for each in run.results] or [dict(vars(each)) for each in run.answers]
    return {"format": FORMAT, "kind": run.kind, "host": dict(run.host), "rows": rows}


def row(result: Result) -> dict[str, Any]:
    """A row of :data:`FORMAT`: what is filled of a result, but its host."""
    known = {name: value for name, value in vars(result).items() if name != "host"}
    return {name: value for name, value in known.items() if value not in (None, [], {})}

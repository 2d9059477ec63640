"""A parser of KTAP version 1, as strict as Documentation/dev-tools/ktap.rst lets one be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

RESULT = re.compile(r"(ok|not ok) (\d+) ([^#\n]*[^#\s])(?: # (SKIP)(?: (\S.*))?)?")


@dataclass(frozen=True)
class Point:
    """One result, with the diagnostics before it."""

    ok: bool
    name: str
    skip: str | None
    diagnostics: tuple[str, ...]


def parse(lines: Iterable[str]) -> tuple[int, list[Point], list[str]]:
    """How many results are planned, the results, and the diagnostics behind the last one.

    AssertionError for whatever is none of the format's lines, or a result out of turn.
    """
    left = iter(lines)
    assert next(left) == "KTAP version 1"
    plan = re.fullmatch(r"1\.\.(\d+)", next(left))
    assert plan
    points: list[Point] = []
    diagnostics: list[str] = []
    for line in left:
        if line.startswith("# "):
            diagnostics.append(line[2:])
            continue
        found = RESULT.fullmatch(line)
        assert found, line
        word, number, name, skip, reason = found.groups()
        points.append(Point(word == "ok", name, skip and (reason or ""), tuple(diagnostics)))
        assert int(number) == len(points)
        diagnostics = []
    assert len(points) <= int(plan[1])
    return int(plan[1]), points, diagnostics

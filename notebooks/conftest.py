"""Strict comparison of stored outputs, on hosts that lack something too.

A cell that prints ``not testable here:``, and a row of a verdict table with another verdict that
the kit can explain, count as equal to what is stored and are listed at the end; everything else is
compared as it is. ``tests/conftest.py`` fails CI when this happens where it should not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

from prefault_kit.notebook import NOT_TESTABLE_HERE

OTHERWISE = "otherwise here"
"""The property of a report that names a cell or a row that may differ from what is stored."""


def _text(output: Any) -> str:
    return str(output.get("text") or "")


def _row(line: str) -> tuple[str, str]:
    """What identifies a row (promise, memory, expected), and its kind of verdict."""
    cells = line.strip("| ").split(" | ")
    return " | ".join(cells[:3]), cells[-1].partition(":")[0]


def _known(verdict: str, line: str) -> bool:
    """Whether the kit can explain a verdict: a difference needs a reason."""
    return verdict in ("holds", "not-testable") or (verdict == "differs" and "differs: " in line)


def _swapped(fresh: str, stored: str, told: list[str]) -> str:
    """``stored`` with those rows of ``fresh`` that have another verdict which the kit can explain.

    A host may lack what a promise needs, or have a kernel on which the text of 2021 still holds;
    where the verdict is the same, so must be what was observed.
    """
    rows = {_row(line)[0]: line for line in fresh.splitlines() if line.startswith("| ")}
    lines = stored.splitlines()
    for number, line in enumerate(lines):
        key, verdict = _row(line)
        new = rows.get(key, "") if line.startswith("| ") else ""
        if new and _row(new)[1] != verdict and _known(_row(new)[1], new) and _known(verdict, line):
            told.append(new)
            lines[number] = new
    return "\n".join(lines)


def _lent(fresh: Sequence[Any], stored: Sequence[Any], told: list[str]) -> list[Any]:
    """The stored outputs, with the rows of the fresh ones that may differ."""
    if len(fresh) != len(stored):
        return list(stored)
    result = []
    for new, old in zip(fresh, stored, strict=True):
        if "data" in old and "data" in new:
            data = {
                kind: _swapped(new["data"][kind], text, told)
                if kind.startswith("text/") and kind in new["data"]
                else text
                for kind, text in old["data"].items()
            }
            old = type(old)(old, data=type(old)(data))
        result.append(old)
    return result


def pytest_configure() -> None:
    """Let nbval accept the one thing that may differ."""
    compare = IPyNbCell.compare_outputs

    def compare_outputs(self: Any, test: Any, ref: Any, skip_compare: Any = None) -> bool:
        told: list[str] = []
        whole = "".join(map(_text, test))
        if whole.startswith(NOT_TESTABLE_HERE) and whole.count("\n") <= 1 and len(test) == 1:
            told = [whole.strip()]
            same = True
        else:
            same = compare(self, test, _lent(test, ref, told), skip_compare)
        self.user_properties += [(OTHERWISE, row) for row in dict.fromkeys(told)]
        return bool(same)

    IPyNbCell.compare_outputs = compare_outputs


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what differed from what is stored."""
    for report in terminalreporter.stats.get("passed", []):
        for name, row in report.user_properties:
            if name == OTHERWISE:
                terminalreporter.write_line(f"{report.nodeid}: {row}")

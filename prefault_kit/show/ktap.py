"""Verdicts as KTAP version 1, the format of the kernel's own tests, line by line as they come.

Source: Documentation/dev-tools/ktap.rst. What a diagnostic says is of the result line below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prefault_kit.studies.promises.promise import DIFFERS, HOLDS, NOT_TESTABLE, Verdict

VERSION = "KTAP version 1"


def plan(count: int) -> Iterator[str]:
    """The lines before the results: the version, and how many results there will be."""
    yield VERSION
    yield f"1..{count}"


def result(number: int, verdict: Verdict) -> Iterator[str]:
    """The lines of one verdict, which is the ``number``-th: diagnostics, then ``ok`` or ``not ok``.

    A verdict that differs for a known reason is ``ok``; one that cannot be had here is a SKIP.
    """
    name = _line(f"{verdict.id}: {verdict.backing}").replace("#", " ")
    if verdict.verdict == NOT_TESTABLE:
        yield f"ok {number} {name} # SKIP {_line(verdict.reason)}"
        return
    if verdict.verdict == DIFFERS:
        yield _line(f"# claim: {verdict.claim} ({verdict.source})")
        yield _line(f"# expected: {verdict.expected}")
        yield _line(f"# observed: {verdict.observed}")
        if verdict.explained:
            yield _line(f"# differs for a known reason: {verdict.reason}")
    yield f"{'ok' if verdict.explained else 'not ok'} {number} {name}"


def totals(verdicts: Sequence[Verdict]) -> str:
    """The last line, as tools/testing/selftests/kselftest.h prints it."""
    counts = Counter(each.verdict for each in verdicts)
    failed = sum(not each.explained for each in verdicts)
    passed = counts[HOLDS] + counts[DIFFERS] - failed
    skipped = counts[NOT_TESTABLE]
    return f"# Totals: pass:{passed} fail:{failed} xfail:0 xpass:0 skip:{skipped} error:0"


def _line(text: str | None) -> str:
    """Text on one line."""
    return " ".join((text or "").split())

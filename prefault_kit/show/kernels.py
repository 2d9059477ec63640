"""What kernels answered as tables, and as a figure with kernels across and promises down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from prefault_kit.show.markdown import Markdown, table
from prefault_kit.studies.kernels import record
from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    HOLDS,
    NOT_TESTABLE,
    ORDER,
    Record,
)
from prefault_kit.studies.kernels.reliance import Answer, Reliance

MARKS = {HOLDS: "yes", EXPLAINED: "otherwise", DIFFERS: "DIFFERS", NOT_TESTABLE: "-"}
"""The words of a cell; ``otherwise`` is not as in the text of 2021, for a known reason."""


def truth(records: Sequence[Record], *, changes: bool = False) -> Markdown:
    """Promises down and kernels across; with ``changes`` those alone on which kernels disagree."""
    rows = [
        (f"`{name}`", *(MARKS.get(each, "") for each in outcomes))
        for name, outcomes in record.table(records)
        if not changes or disagree(outcomes)
    ]
    return Markdown(table(("promise", *(each.name for each in records)), rows))


def disagree(outcomes: Iterable[str]) -> bool:
    """Whether kernels that could be asked answer otherwise, or some could not be asked."""
    return len(set(outcomes) - {"-"}) > 1


def facts(records: Sequence[Record]) -> Markdown:
    """What each kernel is, where it ran, and how many promises it keeps."""
    rows = []
    for each in records:
        outcomes = list(each.outcomes().values())
        size = each.facts.get("page_size_bytes", 0) >> 10
        counts = (str(outcomes.count(mark)) for mark in (HOLDS, EXPLAINED, NOT_TESTABLE, DIFFERS))
        what = each.error or ", ".join(each.file_systems)
        rows.append((each.version, each.architecture, f"{size} KiB", what, *counts))
    heads = ("kernel", "processor", "pages", "on", "hold", "otherwise", "not testable", "unknown")
    return Markdown(table(heads, rows))


RELIANCE_HEADS = ("what you rely on", "shown from", "otherwise on", "not shown on", "where not")


def reliance_rows(answers: Sequence[Answer]) -> list[tuple[str, ...]]:
    """From when one may rely on things, on which kernels not, and what helps there, in the columns
    of :data:`RELIANCE_HEADS`."""
    return [
        (
            _relied(each.reliance),
            each.since or "none",
            ", ".join(each.where(EXPLAINED, DIFFERS)),
            ", ".join(each.where(NOT_TESTABLE)),
            each.reliance.before,
        )
        for each in answers
    ]


def _relied(reliance: Reliance) -> str:
    """What is relied on, with its exception."""
    but = f"; but {reliance.but}" if reliance.but else ""
    return f"{reliance.name}: {reliance.text}{but}"


def reliances(answers: Sequence[Answer]) -> Markdown:
    """:func:`reliance_rows` as a table."""
    return Markdown(table(RELIANCE_HEADS, reliance_rows(answers)))


def reasons(answers: Sequence[Answer]) -> Markdown:
    """Why things do not hold, or cannot be shown: a line a reason, with the kernels and the
    things."""
    kernels: dict[tuple[str, str], list[str]] = {}
    for each in answers:
        for name, reason in each.reasons.items():
            kernels.setdefault((each.reliance.name, reason), []).append(name)
    things: dict[tuple[str, str], list[str]] = {}
    for (thing, reason), names in kernels.items():
        things.setdefault((", ".join(names), reason), []).append(thing)
    lines = (f"- {names}: {reason} ({', '.join(who)})" for (names, reason), who in things.items())
    return Markdown("\n".join(lines))


def cells(records: Sequence[Record], promises: Iterable[str]) -> dict[str, list[Any]]:
    """A figure's cells as columns: the kernel, the promise, the outcome, and a tip in HTML with
    what was expected and seen on each kind of memory, and why."""
    columns: dict[str, list[Any]] = {"kernel": [], "promise": [], "outcome": [], "tip": []}
    wanted = list(promises)
    for each in records:
        by_id: dict[str, list[dict[str, Any]]] = {}
        for verdict in each.verdicts:
            by_id.setdefault(verdict["id"], []).append(verdict)
        outcomes = each.outcomes()
        for name in wanted:
            if name in by_id:
                columns["kernel"].append(each.name)
                columns["promise"].append(name)
                columns["outcome"].append(outcomes[name])
                columns["tip"].append(_tip(each, by_id[name]))
    return columns


def _tip(kernel: Record, verdicts: Sequence[dict[str, Any]]) -> str:
    first = verdicts[0]
    lines = [f"<b>{escape(first['id'])}</b> on {escape(kernel.name)}", escape(first["claim"])]
    by_text: dict[str, list[str]] = {}
    for each in sorted(verdicts, key=lambda verdict: ORDER.index(record.outcome(verdict))):
        by_text.setdefault(_seen(each), []).append(each["backing"])
    lines += [f"{escape(_together(kinds))}: {escape(text)}" for text, kinds in by_text.items()]
    return "<br>".join(lines)


def _seen(verdict: dict[str, Any]) -> str:
    outcome = record.outcome(verdict)
    if outcome == HOLDS:
        return f"{verdict['observed']}, as expected"
    if outcome == NOT_TESTABLE:
        return f"not testable: {verdict['reason']}"
    reason = verdict["reason"] or "unexplained"
    return f"{verdict['observed']}, expected {verdict['expected']}: {reason}"


def observed(records: Sequence[Record], promise: str) -> Markdown:
    """What was expected and seen of one promise: a row for what was seen, with the kinds of memory
    and the kernels, from old to new."""
    claim = ""
    kernels: dict[tuple[str, str], list[str]] = {}
    for each in records:
        for verdict in each.verdicts:
            if verdict["id"] == promise:
                claim = verdict["claim"]
                kernels.setdefault((_seen(verdict), verdict["backing"]), []).append(each.name)
    memories: dict[tuple[str, str], list[str]] = {}
    for (seen, memory), names in kernels.items():
        memories.setdefault((seen, ", ".join(names)), []).append(memory)
    rows = [(names, _together(kinds), seen) for (seen, names), kinds in memories.items()]
    text = table(("kernels", "memory", "observed"), rows)
    return Markdown(f"`{promise}`: {claim}\n\n{text}")


def _together(memories: Iterable[str]) -> str:
    """Kinds of memory; those of a kind that is on several file systems together."""
    places: dict[str, list[str]] = {}
    for each in memories:
        kind, _, place = each.partition(" on ")
        places.setdefault(kind, []).extend([place] if place else [])
    return "; ".join(
        f"{kind} on {', '.join(found)}" if found else kind for kind, found in places.items()
    )

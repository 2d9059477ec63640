"""Verdicts on promises: their counts, tables in Markdown, annotations for GitHub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prefault_kit.show.github import MOST_SHOWN, annotation
from prefault_kit.show.markdown import Markdown, escape, table
from prefault_kit.studies.promises.promise import DIFFERS, HOLDS, NOT_TESTABLE, Verdict

NOT_TESTABLE_HERE = "not testable here:"
"""How the output of a cell or the observed column of a row begins where this host lacks something;
the comparison with stored outputs knows it (notebooks/conftest.py)."""


def verdicts(found: Sequence[Verdict]) -> Markdown:
    """The claims, then one row for each verdict."""
    claims = {each.id: f"- `{each.id}`: {each.claim} ({each.source})" for each in found}
    rows = []
    for each in found:
        memory = each.backing.split(" on ")[0]  # the file system is the host's
        observed, verdict = each.observed or "", each.verdict
        if verdict == NOT_TESTABLE:
            observed = f"{NOT_TESTABLE_HERE} {each.reason}"
        elif verdict == DIFFERS and each.reason:
            verdict = f"differs: {each.reason}"
        rows.append((f"`{each.id}`", memory, each.expected, observed, verdict))
    heads = ("promise", "memory", "expected", "observed", "verdict")
    return Markdown("\n".join([*claims.values(), "", table(heads, rows)]))


def counts(found: Sequence[Verdict]) -> str:
    """How many there are of each, in a line."""
    of = Counter(each.verdict for each in found)
    surprises = sum(not each.explained for each in found)
    return (
        f"{of[HOLDS]} hold, {of[DIFFERS]} differ ({surprises} unexplained), "
        f"{of[NOT_TESTABLE]} not testable here"
    )


def on_github(found: Sequence[Verdict]) -> list[str]:
    """Workflow commands of GitHub Actions: an error for each verdict that differs unexplained.

    As many as are shown beside the sentence that ends the command, which names them all.
    """
    return [
        annotation(
            "error",
            f"{each.id}: {each.backing}",
            f"{each.claim} ({each.source}): expected {each.expected}; {each.observed}",
        )
        for each in found
        if not each.explained
    ][: MOST_SHOWN - 1]


def summary(found: Sequence[Verdict], kernel: str) -> str:
    """The counts, and a table of all that does not simply hold, in Markdown; surprises first."""
    said = [f"### prefault-kit check: {counts(found)}", "", f"On Linux {escape(kernel)}.", ""]
    rows = [
        tuple(map(escape, (each.id, each.backing, *_departure(each))))
        for each in sorted(found, key=lambda each: (each.explained, each.verdict))
        if each.verdict != HOLDS
    ]
    if rows:
        said.append(table(("promise", "memory", "expected", "observed", "verdict", "why"), rows))
    return "\n".join(said) + "\n"


def _departure(verdict: Verdict) -> tuple[str, str, str, str]:
    """What was expected, what was seen, the verdict, and why."""
    named = "not testable here" if verdict.verdict == NOT_TESTABLE else verdict.verdict
    reason = verdict.reason or "unexplained"
    return verdict.expected, verdict.observed or "", named, reason

"""Verdicts on promises as a table in Markdown, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from prefault_kit.show.markdown import Markdown, table
from prefault_kit.studies.promises.promise import DIFFERS, NOT_TESTABLE, Verdict

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

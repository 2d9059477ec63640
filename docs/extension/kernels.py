"""The truth table, from when one may rely on what, and a page for each recorded kernel."""

from __future__ import annotations

from collections.abc import Iterable

from docs.extension.tables import address, linked, stacked, tree, truth
from prefault_kit.show import kernels as show
from prefault_kit.show.markdown import table
from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    NOT_TESTABLE,
    Record,
    usual,
)
from prefault_kit.studies.kernels.recorded import of_the_kit
from prefault_kit.studies.kernels.reliance import RELIANCES, Reliance, ask
from prefault_kit.studies.promises import PROMISES

DEBIAN = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el"}
"""Other names of processors."""


def pages() -> dict[str, str]:
    """A page for each kernel, and what the overview includes."""
    records = of_the_kit()
    answers = [ask(each, usual(records)) for each in RELIANCES.values()]
    return {
        **{f"{address(each)}.md": _page(each) for each in records},
        "kernels/_truth.md": truth(records, PROMISES) + "\n",
        "kernels/_facts.md": str(show.facts(records).text) + "\n",
        "kernels/_reliances.md": linked(str(show.reliances(answers).text)) + "\n",
        "kernels/_tree.md": tree(f"{each.name} </{address(each)}>" for each in records),
    }


def _also(record: Record) -> str:
    """What else its processors are called, for those who search."""
    return f"Debian calls them {other}." if (other := DEBIAN.get(record.architecture)) else ""


def _page(record: Record) -> str:
    found = record.outcomes()
    parts = (
        f"# Linux {record.name}",
        stacked(show.facts([record]).text),
        _also(record),
        "All that is not named here holds on it.",
        "## Otherwise than the text says",
        _why(record, [name for name, seen in found.items() if seen in (EXPLAINED, DIFFERS)]),
        "## Not testable on it",
        _why(record, [name for name, seen in found.items() if seen == NOT_TESTABLE]),
    )
    return "\n\n".join(parts) + "\n"


def _why(record: Record, names: Iterable[str]) -> str:
    """Promises with the reason for their outcome, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for name in names:
        answer = ask(Reliance(name, "", (name,), ""), [record])
        reasons.setdefault(answer.reasons[record.name], []).append(f"[{name}](/promises/{name}.md)")
    rows = [(", ".join(promises), reason) for reason, promises in reasons.items()]
    return table(("promises", "why"), rows) if rows else "None."

"""A review in words and figures: what is recommended and why, each candidate, the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.printable import printable_long
from prefault_kit.show.units import format_ms
from prefault_kit.studies.review import advice
from prefault_kit.studies.review.advice import Recommendation
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.result import SCHEMA, SWEPT, CandidateResult, Review
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, ORDERS

AMPLIFIED = 4
"""The ratio of bytes written back to bytes dirtied from which the answer mentions it."""

COLUMNS = (
    "candidate",
    "cost",
    "prefault",
    "access",
    "sync",
    "p50",
    "p99.9",
    "worst",
    "faults",
    "dirty pages",
    "written back",
    "amplification",
)
OWN_FILE = "Your own file, only read"
COMMAND = "Command to repeat it"
REPLAYED = "Accesses of the trace"
VERBATIM = (OWN_FILE, REPLAYED, COMMAND)
"""The inputs that are no prose: they have file names in them."""
SHORT = tuple(name for name in COLUMNS if name not in ("p50", "worst"))
"""The columns that a screen has room for."""
SHORTEST = ("candidate", "cost", "prefault", "access", "sync", "faults")
"""Those that a narrow terminal has room for."""


def title(review: Review) -> str:
    """One line."""
    load = review.workload
    system = f" on {review.file_system}" if review.file_system else ""
    size = format_bytes(load.size_bytes)
    return f"READ or WRITE: {load.sharing} {load.backing.label}{system}, {size}"


def inputs(review: Review, weights: Weights) -> list[tuple[str, str]]:
    """The case and the machine: a name and a text each; those in :data:`VERBATIM` as they are."""
    load, facts = review.workload, review.host
    system = f", on {review.file_system}" if review.file_system else ""
    own = [(OWN_FILE, load.existing_file)] if load.existing_file else []
    replayed = []
    if load.replay is not None:
        where = f"{load.replay.path}, mapping {load.replay.mapping}: {load.replay.name}"
        replayed = [(REPLAYED, printable_long(where))]
    return [
        ("Memory", f"{load.sharing} {load.backing.label}{system}"),
        *own,
        *replayed,
        ("Size", format_bytes(load.size_bytes)),
        ("Content at the start", CONTENTS[load.content]),
        ("Accesses", f"{load.read:.0%} of the pages read, {load.write:.0%} written"),
        ("Access pattern", ORDERS[load.pattern]),
        ("Afterwards", AFTERWARDS[load.afterwards]),
        ("Threads", str(load.threads)),
        ("Repetitions", f"{load.repeats} after one warm-up, interleaved"),
        ("Weights", str(weights)),
        (
            "Host",
            f"Linux {facts.get('kernel')}, {facts.get('cpu')}, {facts.get('cpus')} processors, "
            f"{format_bytes(int(facts.get('memory_bytes') or 0))}, {facts.get('date')}",
        ),
        (COMMAND, command(review, weights)),
    ]


def cells(each: CandidateResult, weights: Weights) -> dict[str, str]:
    """A candidate's figures by :data:`COLUMNS`, as text; empty where there is none."""
    said = each.as_dict()
    touch = said["first_touch_us"]
    written, amplified = said["bytes_written_back"], said["write_amplification"]
    dirty = said["dirty_pages_after_prefault"]
    texts = (
        each.name,
        format_ms(advice.cost_of(each, weights) * 1000),
        format_ms(said["prefault_ms"]),
        format_ms(said["access_ms"]),
        "" if said["sync_ms"] is None else format_ms(said["sync_ms"]),
        f"{touch['p50']:.2f} us",
        f"{touch['p999']:.1f} us",
        f"{touch['max']:,.0f} us",
        f"{said['minor_faults']:,}",
        "" if dirty is None else f"{dirty:,}",
        "" if written is None else format_bytes(written),
        "" if amplified is None else f"{amplified:.1f}",
    )
    return dict(zip(COLUMNS, texts, strict=True))


def rows(review: Review, weights: Weights) -> list[tuple[str, ...]]:
    """One row for each candidate that ran, cheapest first; see :data:`COLUMNS`."""
    return [tuple(cells(each, weights).values()) for each in advice.ranking(review, weights)]


def reason(review: Review, found: Recommendation, weights: Weights) -> str:
    """Why a candidate is recommended, with the figures."""
    ranked = advice.ranking(review, weights)
    if len(found.tied) > 1:
        chosen = [each for name in found.tied for each in ranked if each.name == name]
        return _tie(chosen)
    best = next(each for each in ranked if each.name == found.name)
    return _reason(best, ranked, weights)


def _facts(each: CandidateResult) -> str:
    said = [f"{format_ms(each.median('prefault_ms'))} to start"]
    said.append(f"{format_ms(each.median('access_ms'))} of access")
    if (sync := each.median("sync_ms")) is not None:
        said.append(f"{format_ms(sync)} of sync")
    if (refault := each.median("refault_ms")) is not None:
        said.append(f"{format_ms(refault)} to read again")
    if (written := each.median("bytes_written_back")) is not None:
        said.append(f"{format_bytes(written) if written else 'nothing'} written back")
    return ", ".join(said)


def _tie(chosen: Sequence[CandidateResult]) -> str:
    listed = "; ".join(f"{each.name}: {_facts(each)}" for each in chosen)
    return (
        f"{len(chosen)} methods cost the same within noise and differ in their effects, so choose "
        f"by those ({listed})"
    )


def _reason(best: CandidateResult, ranked: Sequence[CandidateResult], weights: Weights) -> str:
    said = [f"{best.name} costs {format_ms(advice.cost_of(best, weights) * 1000)}: {_facts(best)}"]
    rivals = [each for each in ranked if each.name != best.name]
    for name in (*SWEPT, "nothing"):
        rival = next((each for each in rivals if each.name == name), None)
        if rival is not None:
            found = advice.ratio(rival, best, weights)
            said.append(
                f"{name} costs {found.ratio:.2f} times as much "
                f"({found.low:.2f} to {found.high:.2f}): {_facts(rival)}"
            )
    return "; ".join(said)


def answer(review: Review, weights: Weights | None = None) -> list[str]:
    """The recommendation, the reasons, and where READ and WRITE cross: one text each."""
    weights = weights or Weights()
    found = advice.recommend(review, weights)
    if found is None:
        return [review.message or "no candidate could be measured"]
    said = [found.name, f"{reason(review, found, weights)}.", *map(printable_long, review.notes)]
    cross = advice.crossing(review, weights)
    if cross.fraction is not None:
        high = "more than all" if cross.high is None else f"{cross.high:.0%}"
        said.append(
            f"POPULATE_WRITE costs no more than POPULATE_READ if at least {cross.fraction:.0%} of "
            f"the pages are written ({cross.low or 0:.0%} to {high})."
        )
    elif review.sweep:
        said.append("POPULATE_READ costs less than POPULATE_WRITE at every written fraction.")
    folios = _folios(review)
    return [*said, folios] if folios else said


def _folios(review: Review) -> str:
    """Why much more is written back than the program dirtied, even without POPULATE_WRITE."""
    without = [each for each in review.candidates if each.name in ("nothing", "POPULATE_READ")]
    worst = max((each.write_amplification or 0 for each in without), default=0)
    if worst < AMPLIFIED:
        return ""
    return (
        f"Even without POPULATE_WRITE, {worst:.0f} times as many bytes are written back as the "
        "program dirtied: the page cache holds the file in large folios, and a folio is dirty as a "
        "whole. It holds single pages if the file was written in small chunks, on some other file "
        "systems, or after MADV_RANDOM before a cold file is populated."
    )


def command(review: Review, weights: Weights | None = None) -> str:
    """The command that repeats the review."""
    weighed = f" --weights {weights}" if weights and weights != Weights() else ""
    return review.command + weighed


def as_dict(review: Review, weights: Weights | None = None) -> dict[str, Any]:
    """The object that ``review --json`` prints."""
    weights = weights or Weights()
    found = advice.recommend(review, weights)
    cross = advice.crossing(review, weights)
    return {
        "schema": SCHEMA,
        "workload": review.workload.as_dict(),
        "file_system": review.file_system,
        "outcome": review.outcome,
        "message": review.message,
        "notes": list(review.notes),
        "candidates": [each.as_dict() for each in review.candidates],
        "recommendation": _recommendation(review, found, weights),
        "crossover_written_fraction": cross.fraction,
        "crossover_interval": None if cross.fraction is None else [cross.low, cross.high],
        "weights": asdict(weights),
        "command": command(review, weights),
        "host": review.host,
    }


def _recommendation(
    review: Review, found: Recommendation | None, weights: Weights
) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "name": found.name,
        "reason": reason(review, found, weights),
        "margin": found.margin,
        "equals": found.equals,
    }

"""A review in words and figures: what is recommended and why, each candidate, what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.units import format_ms
from prefault_kit.studies.review import advice
from prefault_kit.studies.review.advice import Recommendation
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.measured import SCHEMA, SWEPT, Candidate, Review
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, PATTERNS

AMPLIFIED = 4
"""Bytes written back over bytes dirtied, from which on the answer speaks of it."""

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
SHORT = tuple(name for name in COLUMNS if name not in ("p50", "worst"))
"""Those that a screen has room for."""


def title(review: Review) -> str:
    """One line."""
    load = review.workload
    system = f" on {review.file_system}" if review.file_system else ""
    size = format_bytes(load.size_bytes)
    return f"READ or WRITE: {load.sharing} {load.backing.label}{system}, {size}"


def inputs(review: Review, weights: Weights) -> list[tuple[str, str]]:
    """What was asked, on which machine."""
    load, facts = review.workload, review.host
    own = f" ({load.existing_file}, read only)" if load.existing_file else ""
    system = f", on {review.file_system}" if review.file_system else ""
    return [
        ("Memory", f"{load.sharing} {load.backing.label}{system}{own}"),
        ("Size", format_bytes(load.size_bytes)),
        ("It holds", CONTENTS[load.content]),
        ("The program", f"reads {load.read:.0%} and writes {load.write:.0%} of the pages"),
        ("Which", PATTERNS[load.pattern]),
        ("Afterwards", AFTERWARDS[load.afterwards]),
        ("Threads", str(load.threads)),
        ("Repetitions", f"{load.repeats} after one warm-up, interleaved"),
        ("Weights", str(weights)),
        (
            "Host",
            f"Linux {facts.get('kernel')}, {facts.get('cpu')}, {facts.get('cpus')} processors, "
            f"{format_bytes(int(facts.get('memory_bytes') or 0))}, {facts.get('date')}",
        ),
        ("The command that repeats it", command(review, weights)),
    ]


def cells(each: Candidate, weights: Weights) -> dict[str, str]:
    """What one candidate came to, by :data:`COLUMNS`, as text; empty where there is no figure."""
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
    """A row a candidate that ran, cheapest first; see :data:`COLUMNS`."""
    return [tuple(cells(each, weights).values()) for each in advice.ranking(review, weights)]


# The answer


def reason(review: Review, found: Recommendation, weights: Weights) -> str:
    """Why this is recommended, with the figures."""
    ranked = advice.ranking(review, weights)
    if len(found.tied) > 1:
        chosen = [each for name in found.tied for each in ranked if each.name == name]
        return _tie(chosen)
    best = next(each for each in ranked if each.name == found.name)
    return _reason(best, ranked, weights)


def _facts(each: Candidate) -> str:
    said = [f"{format_ms(each.median('prefault_ms'))} to start"]
    said.append(f"{format_ms(each.median('access_ms'))} of access")
    if (sync := each.median("sync_ms")) is not None:
        said.append(f"{format_ms(sync)} of sync")
    if (refault := each.median("refault_ms")) is not None:
        said.append(f"{format_ms(refault)} to read again")
    if (written := each.median("bytes_written_back")) is not None:
        said.append(f"{format_bytes(written) if written else 'nothing'} written back")
    return ", ".join(said)


def _tie(chosen: Sequence[Candidate]) -> str:
    listed = "; ".join(f"{each.name}: {_facts(each)}" for each in chosen)
    return (
        f"{len(chosen)} ways cost the same within noise and leave different things behind, so "
        f"choose by those ({listed})"
    )


def _reason(best: Candidate, ranked: Sequence[Candidate], weights: Weights) -> str:
    said = [f"{best.name} costs {format_ms(advice.cost_of(best, weights) * 1000)}: {_facts(best)}"]
    rivals = [each for each in ranked if each.name != best.name]
    for name in (*SWEPT, "nothing"):
        rival = next((each for each in rivals if each.name == name), None)
        if rival is not None:
            found = advice.ratio(rival, best, weights)
            said.append(
                f"{name} costs {found.ratio:.2f} times that ({found.low:.2f} to {found.high:.2f}): "
                f"{_facts(rival)}"
            )
    return "; ".join(said)


def answer(review: Review, weights: Weights | None = None) -> list[str]:
    """The recommendation, why, and where READ and WRITE cross: a sentence or more each."""
    weights = weights or Weights()
    found = advice.recommend(review, weights)
    if found is None:
        return [review.message or "nothing ran"]
    said = [found.name, f"{reason(review, found, weights)}."]
    cross = advice.crossing(review, weights)
    if cross.fraction is not None:
        high = "beyond all" if cross.high is None else f"{cross.high:.0%}"
        said.append(
            f"POPULATE_WRITE costs no more than POPULATE_READ once {cross.fraction:.0%} of the "
            f"pages ({cross.low or 0:.0%} to {high}) are written."
        )
    elif review.sweep:
        said.append("POPULATE_READ costs less than POPULATE_WRITE whatever part is written.")
    folios = _folios(review)
    return [*said, folios] if folios else said


def _folios(review: Review) -> str:
    """Why much more was written back than the program wrote, though nothing prefaulted WRITE."""
    without = [each for each in review.candidates if each.name in ("nothing", "POPULATE_READ")]
    worst = max((each.write_amplification or 0 for each in without), default=0)
    if worst < AMPLIFIED:
        return ""
    return (
        f"Even without WRITE {worst:.0f} times the bytes that the program dirtied are written "
        "back: the file is in large folios, and a folio is dirty as a whole. A file that was "
        "written in small pieces, another file system, or MADV_RANDOM before a cold file is "
        "populated keep it in single pages."
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

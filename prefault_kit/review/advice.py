"""What a review recommends, why, and by how much; and where READ and WRITE cross."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit import intervals
from prefault_kit.backing import format_bytes
from prefault_kit.quantities import format_ms
from prefault_kit.review.candidates import WAYS
from prefault_kit.review.cost import Weights, cost_s
from prefault_kit.review.measured import SCHEMA, SWEPT, Candidate, Review
from prefault_kit.review.trial import Trial

NO_DIFFERENCE = "no difference beyond noise"
NOTICEABLE = 1.05
"""A cost that is less than this factor above another is no difference, however sure."""
ALIKE = 0.02
"""Two candidates leave the same behind if their counts differ by less than this part."""


AMPLIFIED = 4
"""Bytes written back over bytes dirtied, from which on the answer speaks of it."""


@dataclass(frozen=True)
class Crossing:
    """The written fraction from which on POPULATE_WRITE costs no more than POPULATE_READ, with
    its confidence interval; None where they do not cross."""

    fraction: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """The candidate that costs least, or :data:`NO_DIFFERENCE`."""

    name: str
    reason: str
    margin: float | None
    """How much more the next one costs: 0.12 is 12 per cent. None where there is no next."""
    equals: tuple[str, ...] = ()
    """Those that cost the same within noise, the recommended one first."""


def cost_of(candidate: Candidate, weights: Weights) -> float:
    """The median cost of a candidate's trials, in seconds."""
    return statistics.median(cost_s(each, weights) for each in candidate.trials)


def ranking(review: Review, weights: Weights) -> list[Candidate]:
    """The candidates that ran, cheapest first."""
    ran = [each for each in review.candidates if each.outcome == "ok" and each.trials]
    return sorted(ran, key=lambda each: cost_of(each, weights))


def _costs(trials: Sequence[Trial], weights: Weights) -> tuple[float, ...]:
    return tuple(cost_s(each, weights) for each in trials)


def ratio(one: Candidate, other: Candidate, weights: Weights) -> intervals.Ratio:
    """The cost of one candidate over that of another, with its interval."""
    return intervals.of_medians(_costs(one.trials, weights), _costs(other.trials, weights))


def _is_dearer(one: Candidate, other: Candidate, weights: Weights) -> bool:
    """Whether ``one`` costs more than ``other``, beyond noise."""
    found = ratio(one, other, weights)
    return found.low > 1 and found.ratio > NOTICEABLE


def _alike(one: Candidate, other: Candidate, pages: int) -> bool:
    """Whether two leave the same behind: faults still to take, dirty pages, bytes to write."""
    for name, unit in (
        ("minor_faults", 1),
        ("dirty_pages_after_prefault", 1),
        ("bytes_written_back", 4096),
        ("memory_bytes_after_prefault", 4096),
    ):
        a, b = one.median(name), other.median(name)
        if (a is None) != (b is None) or abs((a or 0) - (b or 0)) > ALIKE * pages * unit:
            return False
    return True


def recommend(review: Review, weights: Weights | None = None) -> Recommendation | None:
    """Weigh the candidates; None where none ran."""
    weights = weights or Weights()
    ranked = ranking(review, weights)
    if not ranked:
        return None
    best = ranked[0]
    equals = [each for each in ranked if each is best or not _is_dearer(each, best, weights)]
    dearer = [each for each in ranked if each not in equals]
    equals.sort(key=lambda each: list(WAYS).index(each.name))
    margin = ratio(dearer[0], best, weights).ratio - 1 if dearer else None
    chosen: list[Candidate] = []
    for each in equals:
        if not any(_alike(each, other, review.workload.pages) for other in chosen):
            chosen.append(each)
    names = tuple(each.name for each in equals)
    if len(chosen) > 1:
        reason = _tie(chosen, weights)
        return Recommendation(NO_DIFFERENCE, reason, margin, names)
    return Recommendation(chosen[0].name, _reason(chosen[0], ranked, weights), margin, names)


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


def _tie(chosen: Sequence[Candidate], weights: Weights) -> str:
    listed = "; ".join(f"{each.name}: {_facts(each)}" for each in chosen)
    return (
        f"{len(chosen)} ways cost the same within noise and leave different things behind, so "
        f"choose by those ({listed})"
    )


def _reason(best: Candidate, ranked: Sequence[Candidate], weights: Weights) -> str:
    said = [f"{best.name} costs {format_ms(cost_of(best, weights) * 1000)}: {_facts(best)}"]
    rivals = [each for each in ranked if each.name != best.name]
    for name in (*SWEPT, "nothing"):
        rival = next((each for each in rivals if each.name == name), None)
        if rival is not None:
            found = ratio(rival, best, weights)
            said.append(
                f"{name} costs {found.ratio:.2f} times that ({found.low:.2f} to {found.high:.2f}): "
                f"{_facts(rival)}"
            )
    return "; ".join(said)


def crossing(review: Review, weights: Weights | None = None) -> Crossing:
    """Where the cost of POPULATE_READ comes up to that of POPULATE_WRITE, by interpolation between
    the fractions that were tried; the interval by resampling whole repetitions."""
    import numpy

    weights = weights or Weights()
    fractions = sorted(
        fraction
        for name, fraction in review.sweep
        if name == SWEPT[0]
        if (SWEPT[1], fraction) in review.sweep
    )
    if len(fractions) < 2:
        return Crossing(None)
    costs = [
        numpy.array([_costs(review.sweep[name, fraction], weights) for fraction in fractions])
        for name in SWEPT
    ]
    random = numpy.random.default_rng(intervals.SEED)
    repeats = costs[0].shape[1]

    def cross(chosen: Any) -> float | None:
        gap = numpy.median(costs[0][:, chosen], 1) - numpy.median(costs[1][:, chosen], 1)
        if gap[0] >= 0:
            return float(fractions[0])
        above = numpy.flatnonzero(gap >= 0)
        if not len(above):
            return None
        at = int(above[0])
        part = -gap[at - 1] / (gap[at] - gap[at - 1])
        return float(fractions[at - 1] + part * (fractions[at] - fractions[at - 1]))

    best = cross(numpy.arange(repeats))
    if best is None:
        return Crossing(None)
    drawn = [cross(random.integers(0, repeats, repeats)) for _ in range(intervals.RESAMPLES // 4)]
    # what does not cross at all lies beyond the last fraction
    low, high = numpy.percentile([2.0 if each is None else each for each in drawn], (2.5, 97.5))
    return Crossing(best, float(low), float(high) if high <= 1 else None)


def answer(review: Review, weights: Weights | None = None) -> list[str]:
    """The recommendation, why, and where READ and WRITE cross: a sentence or more each."""
    weights = weights or Weights()
    found = recommend(review, weights)
    if found is None:
        return [review.message or "nothing ran"]
    said = [found.name, f"{found.reason}."]
    cross = crossing(review, weights)
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
    found = recommend(review, weights)
    cross = crossing(review, weights)
    return {
        "schema": SCHEMA,
        "workload": review.workload.as_dict(),
        "file_system": review.file_system,
        "outcome": review.outcome,
        "message": review.message,
        "candidates": [each.as_dict() for each in review.candidates],
        "recommendation": asdict(found) if found else None,
        "crossover_written_fraction": cross.fraction,
        "crossover_interval": None if cross.fraction is None else [cross.low, cross.high],
        "weights": asdict(weights),
        "command": command(review, weights),
        "host": review.host,
    }

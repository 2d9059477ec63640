"""Results as tables in Markdown, for notebooks: a function for each kind of result."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prefault_kit.measure import intervals
from prefault_kit.measure.contention import Wait
from prefault_kit.measure.contest import Contest
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import Markdown, table
from prefault_kit.show.units import format_ms
from prefault_kit.show.verdicts import NOT_TESTABLE_HERE
from prefault_kit.studies.field import HOLDS, Found, Verdict
from prefault_kit.studies.grid.conclusions import SMALL, Judged, Judgement, name
from prefault_kit.studies.locking import Prepared
from prefault_kit.studies.qemu.race import Lap
from prefault_kit.studies.review import advice, policies
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.policies import COUNTS, POLICIES, READ, WRITE, Policy
from prefault_kit.studies.review.result import CandidateResult, Review
from prefault_kit.studies.snapshots import Costs


def contest(found: Contest) -> Markdown:
    """Minimum and median of each way, and the ratio of minima to the first."""
    first = next(iter(found.entries))
    rows = []
    for way, entry in found.entries.items():
        times = (format_ms(entry.best_ms), format_ms(entry.median_ms))
        rows.append((way, *times, f"{found.ratio(way, first):.2f}"))
    return Markdown(table(("way", "best", "median", f"over {first}"), rows))


def contention(found: Mapping[str, Wait]) -> Markdown:
    """What each way took alone and beside a neighbour, and how long the neighbour's mmap waited."""
    heads = (
        "way", "alone, ms", "processor, ms", "sleeps", "beside a neighbour, ms", "sleeps",
        "its mmap, us: median", "worst",
    )  # fmt: skip
    rows = [
        (
            way,
            f"{wait.elapsed_ms:.1f}",
            f"{wait.cpu_ms:.1f}",
            f"{wait.waits}",
            f"{wait.beside_ms:.1f}",
            f"{wait.beside_waits}",
            f"{wait.mmap_us:,.1f}",
            f"{wait.worst_mmap_us:,.0f}",
        )
        for way, wait in found.items()
    ]
    return Markdown(table(heads, rows))


def snapshot_costs(found: Costs) -> Markdown:
    """What each way to prepare memory for a snapshot cost, at its cheapest."""
    size = format_bytes(found.size_bytes)
    heads = (size, "populating", "protecting", "together", "memory taken", "page tables")
    rows = []
    for way, cost in found.ways.items():
        times = (cost.populate_ms, cost.protect_ms, cost.together_ms)
        cells = [format_ms(each) if each else "-" for each in times]
        sizes = (cost.memory_bytes, cost.page_table_bytes)
        cells += [format_bytes(each) if each else "-" for each in sizes]
        rows.append((way, *cells))
    return Markdown(table(heads, rows))


def scaling(found: Sequence[Result]) -> Markdown:
    """The best times in milliseconds, by method and threads; a row for each kind of memory."""
    columns = dict.fromkeys((each.method, each.threads) for each in found)
    rows: dict[tuple[str, str], list[str]] = {}
    for each in found:
        size = format_bytes(each.page_size_bytes)
        cell = f"{each.best_ms:.1f}" if each.best_ms else each.outcome
        rows.setdefault((each.sharing, f"{each.backing}, {size} pages"), []).append(cell)
    heads = [f"{method}, {threads}" for method, threads in columns]
    lines = ([f"{key[0]} {key[1]}", *row] for key, row in rows.items())
    reasons = {f"{each.backing}: {each.message}." for each in found if each.message}
    return Markdown(
        "\n".join([table(("memory", *heads), lines), *(f"\n{each}" for each in reasons)])
    )


def locking(found: Iterable[Prepared]) -> Markdown:
    """What is present and locked after some steps, and the faults of writing each page then."""
    rows = [
        (", then ".join(each.steps), f"{each.present}", f"{each.locked}", f"{each.faults}")
        for each in found
    ]
    return Markdown(table(("steps", "present", "locked", "faults of writing"), rows))


# Cases from the field

CLAIM_HEADS = ("claim", "way", "expected", "observed", "verdict")


def field(found: Found) -> Markdown:
    """What each way took and left behind, and the verdicts on what was claimed about times."""
    if found.missing:
        return Markdown(f"{NOT_TESTABLE_HERE} {found.missing}")
    looks = found.case.looks
    rows = [(way.name, *_field_cells(found, way.name, way.over)) for way in found.case.ways]
    parts = [table(("way", *looks, "best", "median", "compared"), rows)]
    if timed := found.verdicts(timed=True):
        parts.append(table(CLAIM_HEADS, map(_verdict_cells, timed)))
    return Markdown("\n\n".join(parts))


def _field_cells(found: Found, way: str, over: str) -> Iterator[str]:
    for seen in found.seen[way].values():
        yield f"{seen.count:,} of {seen.whole:,}"
    entry = found.contest.entries[way]
    yield format_ms(entry.best_ms)
    yield format_ms(entry.median_ms)
    yield f"{found.contest.ratio(way, over):.2f} times *{over}*" if over else ""


def field_counts(found: Found) -> Markdown:
    """The verdicts on what was claimed about counts and errors, which each run repeats."""
    return Markdown(table(CLAIM_HEADS, map(_verdict_cells, found.verdicts(timed=False))))


def _verdict_cells(each: Verdict) -> tuple[str, ...]:
    verdict = f"{each.verdict}: {each.reason}" if each.reason else each.verdict
    return (each.text, each.way, each.expected, each.observed, verdict)


def field_summary(found: Iterable[Found]) -> Markdown:
    """A row a case: whether all that was claimed about counts and errors holds."""
    rows = []
    for each in found:
        verdicts = sorted(each.verdicts(timed=False), key=lambda verdict: verdict.verdict == HOLDS)
        cells = (each.case.who, each.case.what, each.case.when)
        rows.append((*cells, _verdict_cells(verdicts[0])[-1]))
    return Markdown(table(("who", "what", "when", "verdict"), rows))


# QEMU

RACE_HEADS = (
    "memory", "threads", "size", "QEMU, best", "median", "kit, best", "median",
    "kit / QEMU, best", "median",
)  # fmt: skip


def race(laps: Sequence[Lap]) -> Markdown:
    """A row a case: minimum and median, the ratio of minima, which a virtual machine's host
    disturbs less, and that of medians with its interval."""
    rows = []
    for kind, threads in dict.fromkeys((lap.kind, lap.threads) for lap in laps):
        own = [lap for lap in laps if (lap.kind, lap.threads) == (kind, threads)]
        kit, qemu = (tuple(getattr(lap, each) for lap in own) for each in ("kit_ms", "qemu_ms"))
        found = intervals.of_medians(kit, qemu)
        times = (min(qemu), statistics.median(qemu), min(kit), statistics.median(kit))
        rows.append(
            (
                f"memory-backend-{kind}",
                f"{threads}",
                format_bytes(own[0].size_bytes),
                *map(format_ms, times),
                f"{min(kit) / min(qemu):.2f}",
                f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})",
            )
        )
    return Markdown(table(RACE_HEADS, rows))


# The published table


def judgement(found: Judgement) -> Markdown:
    """One claim of the cover letter by the published figures and by grids."""
    claim = found.claim
    title = f"**{claim.text}** ({claim.source}): {claim.method} over {claim.other}"
    rows = []
    for memory in claim.memories:
        cells = [_judged(column.get(memory)) for column in found.columns.values()]
        if any(cells):
            rows.append((name(memory), *cells))
    remarks = [
        f"\nThe published table is of {format_bytes(SMALL)} pages and *{grid}* of "
        f"{format_bytes(page)} pages: compare the ratios, not the times."
        for grid, page in found.page_sizes.items()
    ]
    return Markdown("\n".join([title, "", table(("memory", *found.columns), rows), *remarks]))


def _judged(judged: Judged | None) -> str:
    if judged is None:
        return ""
    ratio = f"{judged.ratio:.2f}"
    if judged.low != judged.high:
        ratio += f" ({judged.low:.2f} to {judged.high:.2f})"
    return f"{ratio} {judged.verdict}"


# One flag or two


def left(reviews: Mapping[str, Review]) -> Markdown:
    """What each policy's choice leaves behind: exact counts, and no line where all are 0."""
    rows = []
    for title, review in reviews.items():
        chosen = [policy.choose(review.workload) for policy in POLICIES]
        for what, number in COUNTS.items():
            counts = [number(review.candidate(each)) for each in (READ, WRITE, *chosen)]
            if any(counts):
                rows.append((title, what, *(f"{count:,}" for count in counts)))
    return Markdown(table(("case", "after", "READ", "WRITE", *_policy_names()), rows))


def lost(reviews: Mapping[str, Review], weights: Mapping[str, Weights]) -> Markdown:
    """What each policy costs more than the better of READ and WRITE."""
    rows = []
    for title, review in reviews.items():
        own = weights.get(title, Weights())
        best = policies.better(review, own)
        cells = [_loss(review, policy, best, own) for policy in POLICIES]
        cost = format_ms(advice.cost_of(best, own) * 1000)
        rows.append((title, f"{best.name.removeprefix('POPULATE_')}, {cost}", *cells))
    return Markdown(table(("case", "two flags", *_policy_names()), rows))


def _policy_names() -> list[str]:
    return [policy.name for policy in POLICIES]


def _loss(review: Review, policy: Policy, best: CandidateResult, weights: Weights) -> str:
    if policy.choose(review.workload) == best.name:
        return "the same"
    found = policies.loss(review, policy, weights)
    return f"{found.ratio:.2f} times ({found.low:.2f} to {found.high:.2f})"

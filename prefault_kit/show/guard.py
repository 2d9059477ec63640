"""What came of a program under guard: lines for people, and annotations for GitHub."""

from __future__ import annotations

from collections.abc import Callable

from prefault_kit.measure.culprits import Culprit
from prefault_kit.show.github import Frames, Line, annotation, nowhere
from prefault_kit.show.markdown import code
from prefault_kit.show.printable import printable_long
from prefault_kit.studies.guard import Outcome, Verdict

MOST_CULPRITS = 5
NEVER_READY = (
    "the program never said that it was ready: does the pattern match a line of its output, and "
    "does it write at once where that is no terminal (stdbuf -oL, python -u), and not only as it "
    "ends?"
)


def lines(outcome: Outcome) -> list[str]:
    """Each limit, how the program ended, then who took the faults and what would help."""
    found = []
    if not outcome.ready:
        found.append(NEVER_READY)
    else:
        found += [f"{'kept' if each.kept else 'EXCEEDED'}: {each}" for each in outcome.verdicts]
    found.append(f"{outcome.ending()}; faults counted for {outcome.elapsed_s:.3g} s")
    if not outcome.kernel_included:
        found.append(
            "faults that the kernel took for it, in read(2) for one, are not among them "
            "(sudo sysctl kernel.perf_event_paranoid=1 would count them)"
        )
    if all(each.kept for each in outcome.verdicts):
        return found
    return found + culprits(outcome)


def culprits(outcome: Outcome, verdict: Verdict | None = None) -> list[str]:
    """Who took the faults, worst first; of one limit those that it is about."""
    chosen = _chosen(outcome, verdict)
    found: list[str] = []
    for each in chosen[:MOST_CULPRITS]:
        found += each.lines()
    more = len(chosen) - MOST_CULPRITS
    if more > 0:
        found.append(f"and {more} more")
    if outcome.unseen:
        found.append(f"({outcome.unseen} of the faults were counted and not looked at)")
    return found


def _chosen(outcome: Outcome, verdict: Verdict | None) -> list[Culprit]:
    if verdict is None:
        return list(outcome.culprits)
    kind = "major" if verdict.name.startswith("major") else "minor"
    return sorted(
        (each for each in outcome.culprits if getattr(each, kind)),
        key=lambda each: -int(getattr(each, kind)),
    )


def on_github(outcome: Outcome, locate: Callable[[Frames], Line | None] = nowhere) -> list[str]:
    """Workflow commands of GitHub Actions: an error for each limit that was exceeded.

    At the line where the worst of those faults were taken, if ``locate`` knows it.
    """
    found = []
    for each in outcome.verdicts:
        if not each.kept:
            worst = _chosen(outcome, each)[:1]
            said = "\n".join(culprits(outcome, each))
            at = locate(worst[0].frames) if worst else None
            found.append(annotation("error", f"page faults: {each}", said, at))
    if not outcome.ready:
        found.append(annotation("error", "not ready", NEVER_READY))
    if outcome.failed:
        found.append(annotation("error", "the guarded program", outcome.ending()))
    return found


def summary(outcome: Outcome, program: str) -> str:
    """What :func:`lines` says, in Markdown; indented, for a name may hold what ends a fence."""
    verdict = "passed" if outcome.kept else "did not pass"
    head = f"### prefault-kit guard: {code(printable_long(program))} {verdict}"
    return "\n".join([head, "", *(f"    {printable_long(line)}" for line in lines(outcome))]) + "\n"

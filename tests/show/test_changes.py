"""prefault_kit.show.changes: a line for each change, and how many there are."""

from typing import Any

from prefault_kit.show.changes import lines
from prefault_kit.studies.kernels.changes import Change, Comparison


def answer(verdict: str, observed: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """One side of a change."""
    return {"verdict": verdict, "observed": observed, "reason": reason}


def change(name: str, before: dict[str, Any], now: dict[str, Any]) -> Change:
    """A change on private anonymous memory."""
    return Change(name, "a source", "a claim", "private anon", before, now)


def test_what_was_seen_comes_before_what_could_not_be_asked() -> None:
    """Each with the reason of the side that has one; then the counts."""
    found = Comparison(
        [
            change("a", answer("not-testable", None, "no such call"), answer("holds", "2")),
            change("b", answer("differs", "1", "before Linux 9"), answer("holds", "2")),
            change("c", answer("holds", "2"), answer("differs", "1")),
        ],
        7,
        [],
    )
    assert list(lines(found, "6.1.9", "9.0")) == [
        "b: private anon: differs, 1 -> holds, 2 (before Linux 9)",
        "c: private anon: holds, 2 -> differs, 1 (unexplained)",
        "a: private anon: not testable -> holds, 2 (no such call)",
        "6.1.9 -> 9.0: 3 verdicts of 7 changed: 2 seen otherwise, 1 testable on only one of them",
    ]


def test_what_could_not_be_compared_is_told() -> None:
    """With the memory, a few kinds of it."""
    kinds = [("a", f"shared file on {name}") for name in ("zfs", "f2fs", "nfs", "zfs", "ceph", "x")]
    assert list(lines(Comparison([], 0, kinds), "6.1.9", "9.0")) == [
        "6.1.9 -> 9.0: 0 verdicts of 0 changed",
        "6 verdicts not compared, on shared file on zfs, shared file on f2fs, shared file on nfs, "
        "shared file on ceph, ...: no counterpart in 6.1.9",
    ]

"""prefault_kit.studies.kernels.changes: verdicts of two kernels, held against each other."""

from typing import Any

from prefault_kit.studies.kernels.changes import Change, compare


def verdict(
    name: str,
    verdict: str,
    observed: str | None,
    reason: str | None = None,
    backing: str = "private anon",
    expected: str = "1",
) -> dict[str, Any]:
    """One, as ``check --json`` prints it."""
    about = {"id": name, "source": "s", "claim": "c", "backing": backing, "expected": expected}
    return about | {"verdict": verdict, "observed": observed, "reason": reason}


def test_what_is_seen_otherwise_is_a_change() -> None:
    """Another verdict, or another observation under the same one; another reason is none."""
    before = [
        verdict("same", "holds", "1"),
        verdict("verdict", "holds", "1"),
        verdict("observation", "differs", "2", "since 5"),
        verdict("reason", "differs", "2", "since 5"),
    ]
    now = [
        verdict("same", "holds", "1"),
        verdict("verdict", "not-testable", None, "no swap"),
        verdict("observation", "differs", "3"),
        verdict("reason", "differs", "2", "since Linux 5"),
    ]
    found = compare(before, now)
    assert found.compared == 4
    assert found.unlike == []
    assert [each.id for each in found.changes] == ["verdict", "observation"]
    assert found.changes[1] == Change(
        "observation",
        "s",
        "c",
        "private anon",
        {"verdict": "differs", "observed": "2", "reason": "since 5"},
        {"verdict": "differs", "observed": "3", "reason": None},
    )


def test_only_the_same_question_is_compared() -> None:
    """Of the same promise in the same words, on the same memory with the same file system."""
    before = [
        verdict("a", "holds", "1", backing="shared file on ext4"),
        verdict("b", "holds", "1"),
        verdict("gone", "holds", "1"),
    ]
    now = [
        verdict("a", "differs", "2", backing="shared file on zfs"),
        verdict("b", "holds", "2", expected="2"),
        verdict("new", "holds", "1"),
    ]
    found = compare(before, now)
    assert (found.changes, found.compared) == ([], 0)
    assert found.unlike == [
        ("a", "shared file on zfs"),
        ("b", "private anon"),
        ("new", "private anon"),
    ]
    assert found.missing == [("b", "private anon"), ("gone", "private anon")]
    assert compare(before, before).missing == []

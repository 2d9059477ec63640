"""prefault_kit.studies.kernels.reliance: from which kernel on something holds."""

import re
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    HOLDS,
    NOT_TESTABLE,
    Record,
    load_all,
    usual,
)
from prefault_kit.studies.kernels.reliance import RELIANCES, Reliance, ask

ONE = Reliance("one", "it is so", ("a", "b"), "do without")
VERDICTS = {
    HOLDS: ("holds", None),
    NOT_TESTABLE: ("not-testable", "no such call"),
    EXPLAINED: ("differs", "before Linux 6.14"),
    DIFFERS: ("differs", None),
}


def kernel(version: str, *seen: tuple[str, str, str]) -> Record:
    """A record with verdicts: promise, memory, outcome."""
    verdicts: list[dict[str, Any]] = []
    for name, memory, outcome in seen:
        verdict, reason = VERDICTS[outcome]
        verdicts.append(
            {"id": name, "backing": memory, "verdict": verdict, "reason": reason, "observed": "x"}
        )
    return Record(version, "x86_64", "tcg", ["ext4", "xfs"], {"page_size_bytes": 4096}, verdicts)


@pytest.mark.parametrize(
    ("outcomes", "since"),
    [
        ((NOT_TESTABLE, EXPLAINED, HOLDS, HOLDS), "6.3"),
        ((HOLDS, HOLDS, HOLDS, HOLDS), "6.1"),
        ((HOLDS, HOLDS, HOLDS, EXPLAINED), None),
        ((HOLDS, DIFFERS, HOLDS, HOLDS), "6.3"),
        ((HOLDS, NOT_TESTABLE, HOLDS, NOT_TESTABLE), "6.1"),
        ((NOT_TESTABLE,) * 4, None),
    ],
)
def test_it_holds_from_the_oldest_after_which_it_always_does(
    outcomes: tuple[str, ...], since: str | None
) -> None:
    """One on which it cannot be tested says nothing."""
    kernels = [
        kernel(f"6.{at + 1}", ("a", "anon", each), ("b", "anon", HOLDS))
        for at, each in enumerate(outcomes)
    ]
    found = ask(ONE, kernels)
    assert found.since == since
    assert list(found.outcomes.values()) == list(outcomes)
    assert found.where(NOT_TESTABLE, DIFFERS) == [
        each.version
        for each, outcome in zip(kernels, outcomes, strict=True)
        if outcome in (NOT_TESTABLE, DIFFERS)
    ]


def test_the_worst_of_its_promises_stands_for_it() -> None:
    """With the reason, or with what was seen; on one file system, if it is named."""
    one = kernel(
        "6.1",
        ("a", "anon", HOLDS),
        ("b", "shared file on ext4", EXPLAINED),
        ("b", "shared file on xfs", HOLDS),
    )
    assert ask(ONE, [one]).reasons == {"6.1": "before Linux 6.14"}
    assert ask(ONE, [one], "xfs").outcomes == {"6.1": HOLDS}
    assert ask(ONE, [one], "ext4").outcomes == {"6.1": EXPLAINED}
    unknown = kernel("6.1", ("a", "anon", DIFFERS), ("b", "anon", HOLDS))
    assert ask(ONE, [unknown]).reasons == {"6.1": "x"}


def test_what_was_not_shown_does_not_hold() -> None:
    """One of its promises, one of its file systems, or all of them, on a kernel that hung."""
    half = kernel("6.1", ("a", "anon", HOLDS), ("b", "anon", NOT_TESTABLE))
    assert ask(ONE, [half]).outcomes == {"6.1": NOT_TESTABLE}
    assert ask(ONE, [kernel("6.1", ("a", "anon", HOLDS))]).reasons == {"6.1": "it was not asked"}
    some = kernel("6.1", ("a", "one", NOT_TESTABLE), ("a", "two", HOLDS), ("b", "anon", HOLDS))
    assert ask(ONE, [some]).outcomes == {"6.1": HOLDS}  # on a kind of memory it was shown
    files = kernel("6.1", ("a", "anon", HOLDS), ("b", "shared file on ext4", HOLDS))
    assert ask(ONE, [files], "zfs").reasons == {"6.1": "it was not asked on zfs"}
    hung = Record("7.9", "x86_64", "tcg", [], {}, [], "it hung")
    found = ask(ONE, [files, hung])
    assert (found.since, found.reasons) == ("6.1", {"7.9": "it hung"})
    assert found.where(NOT_TESTABLE) == ["7.9"]


def test_each_names_promises_that_the_kernels_answered() -> None:
    """None is misspelt."""
    recorded = load_all(Path(__file__).parents[3] / "data" / "kernels")
    for each in RELIANCES.values():
        for record in recorded:
            assert set(each.promises) <= set(record.outcomes()), each.name
        assert each.before
        assert each.text
        named = re.findall(r"\(([\w-]+)\)", each.but)
        assert set(named) <= set(recorded[0].outcomes())
        assert bool(named) == bool(each.but), "an exception names what shows it"


def test_what_is_known_of_the_kernels_comes_out() -> None:
    """Whole folios since 6.18, on btrfs since 7.2; errors since there is the advice."""
    recorded = usual(load_all(Path(__file__).parents[3] / "data" / "kernels"))
    since = {name: ask(each, recorded).since or "" for name, each in RELIANCES.items()}
    assert since["whole folios"].startswith("6.18.")
    assert since["an error, no SIGBUS"].startswith("6.1.")
    assert since["special mappings"] == ""
    assert since["read dirties nothing"].startswith("6.12.")  # earlier it could not be seen
    assert since["the exact prefix"].startswith("6.1.")
    assert RELIANCES["the exact prefix"].promises == ("prefix-end-of-file", "prefix-protection")
    assert (ask(RELIANCES["whole folios"], recorded, "btrfs").since or "").startswith("7.2.")

"""prefault_kit.show.kernels: what kernels answered, as tables and as cells of a figure."""

from typing import Any

from prefault_kit.show import kernels
from prefault_kit.studies.kernels.record import DIFFERS, EXPLAINED, HOLDS, NOT_TESTABLE, Record
from prefault_kit.studies.kernels.reliance import Answer, Reliance


def verdict(name: str, outcome: str, memory: str = "anon", **more: Any) -> dict[str, Any]:
    """As ``check --json`` prints it."""
    known = {"claim": "it is so", "expected": "0", "observed": "1", "reason": None}
    return {"id": name, "backing": memory, "verdict": outcome} | known | more


def record(version: str, *verdicts: dict[str, Any], size: int = 4096, error: str = "") -> Record:
    """A kernel's."""
    return Record(version, "x86_64", "tcg", ["ext4"], {"page_size_bytes": size}, verdicts, error)


OLD = record("5.10.1", verdict("a", "not-testable", reason="too old"), verdict("b", "holds"))
NEW = record(
    "6.1.1",
    verdict("a", "differs", memory="file on xfs", reason="since 6.0"),
    verdict("a", "holds", observed="0"),
    verdict("b", "holds"),
)


def test_promises_down_and_kernels_across() -> None:
    """All, or those alone on which kernels disagree."""
    assert str(kernels.truth([OLD, NEW])).splitlines() == [
        "| promise | 5.10.1 | 6.1.1 |",
        "|-|-|-|",
        "| `a` | - | otherwise |",
        "| `b` | yes | yes |",
    ]
    assert "`b`" not in str(kernels.truth([OLD, NEW], changes=True))
    assert not kernels.disagree(["holds", "-"])


def test_each_kernel_has_its_facts() -> None:
    """Its page size, where it was asked, its counts; or why there are none."""
    hung = record("7.0", size=65536, error="it did not come to an end: panic")
    lines = str(kernels.facts([NEW, hung])).splitlines()
    assert lines[2] == "| 6.1.1 | x86_64 | 4 KiB | ext4 | 1 | 1 | 0 | 0 |"
    assert "64 KiB | it did not come to an end: panic | 0" in lines[3]


def test_from_when_one_may_rely_on_it() -> None:
    """With the kernels where not, why, and what to do there."""
    relied = Reliance("one", "it is so", ("a",), "do without")
    answer = Answer(relied, {"5.10.1": NOT_TESTABLE, "6.1.1": HOLDS}, {"5.10.1": "too old"})
    rows = str(kernels.reliances([answer])).splitlines()
    assert rows[2] == "| one: it is so | 6.1.1 |  | 5.10.1 | do without |"
    both = Answer(relied, {"5.10": EXPLAINED, "6.1": DIFFERS, "7.0": HOLDS}, {})
    assert "| 7.0 | 5.10, 6.1 |" in str(kernels.reliances([both]))
    save = Answer(Reliance("one", "it is so", ("a",), "do without", "not on tape"), {}, {})
    assert "| one: it is so; but not on tape |" in str(kernels.reliances([save]))
    assert str(kernels.reasons([answer])) == "- 5.10.1: too old (one)"


def test_what_has_one_reason_shares_a_line() -> None:
    """Kernels from old to new, then things."""
    outcomes = dict.fromkeys(("5.10", "6.1"), NOT_TESTABLE)
    reasons = dict.fromkeys(outcomes, "too old")
    answers = [
        Answer(Reliance(name, "it is so", ("a",), "do without"), outcomes, reasons)
        for name in ("one", "two")
    ]
    assert str(kernels.reasons(answers)) == "- 5.10, 6.1: too old (one, two)"


def test_a_cell_says_what_was_expected_and_seen() -> None:
    """On each kind of memory, the worst first, with the reason; HTML is escaped."""
    strange = record("7.0", verdict("a", "differs", claim="<b>", observed="<i>", reason=None))
    found = kernels.cells([OLD, NEW, strange], ["a"])
    assert found["kernel"] == ["5.10.1", "6.1.1", "7.0"]
    assert found["outcome"] == ["not testable", "explained", "differs"]
    old, new, other = found["tip"]
    assert old.endswith("anon: not testable: too old")
    assert new.endswith("file on xfs: 1, expected 0: since 6.0<br>anon: 0, as expected")
    assert "&lt;b&gt;" in other
    assert other.endswith("anon: &lt;i&gt;, expected 0: unexplained")


def test_what_was_seen_of_a_promise() -> None:
    """Kinds of memory and kernels that saw the same share a row."""
    kinds = ("file on ext4", "file on xfs")
    old = record("6.1", *(verdict("a", "not-testable", each, reason="too old") for each in kinds))
    new = record("6.9", *(verdict("a", "holds", each, observed="0") for each in kinds))
    newer = record("7.0", *(verdict("a", "holds", each, observed="0") for each in kinds))
    assert str(kernels.observed([old, new, newer], "a")).splitlines() == [
        "`a`: it is so",
        "",
        "| kernels | memory | observed |",
        "|-|-|-|",
        "| 6.1 | file on ext4, xfs | not testable: too old |",
        "| 6.9, 7.0 | file on ext4, xfs | 0, as expected |",
    ]

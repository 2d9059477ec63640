"""prefault_kit.show.ktap: verdicts in the kernel's own format, read back by a strict parser."""

from prefault_kit.show import ktap
from prefault_kit.studies.promises import Verdict
from tests.ktap import Point, parse

HOLDS = Verdict("a", "s", "c", "private anon", "1", "1", "holds")
KNOWN = Verdict("b", "s", "c", "shared file on ext4", "1", "2", "differs", "since Linux 9")
SURPRISE = Verdict("c", "s", "c", "shared memfd", "1", "2\n# 3", "differs")
LACKING = Verdict("d", "s", "c", "private anon", "1", None, "not-testable", "no #\npage: sudo x")


def read(*verdicts: Verdict) -> tuple[int, list[Point], list[str]]:
    """What the parser makes of verdicts."""
    lines = list(ktap.plan(len(verdicts)))
    for number, verdict in enumerate(verdicts, 1):
        lines += ktap.result(number, verdict)
    return parse([*lines, ktap.totals(verdicts)])


def test_each_verdict_is_a_result() -> None:
    """It holds or differs for a known reason: ok; a surprise: not ok; what cannot be: a SKIP."""
    plan, points, rest = read(HOLDS, KNOWN, SURPRISE, LACKING)
    assert plan == 4
    assert [(each.ok, each.name, each.skip) for each in points] == [
        (True, "a: private anon", None),
        (True, "b: shared file on ext4", None),
        (False, "c: shared memfd", None),
        (True, "d: private anon", "no # page: sudo x"),
    ]
    assert rest == ["Totals: pass:2 fail:1 xfail:0 xpass:0 skip:1 error:0"]


def test_what_differs_says_how_and_why() -> None:
    """In diagnostics before its result, one line each; what holds needs none."""
    _, points, _ = read(HOLDS, KNOWN, SURPRISE)
    both = ("claim: c (s)", "expected: 1")
    assert points[0].diagnostics == ()
    assert points[1].diagnostics == (
        *both,
        "observed: 2",
        "differs for a known reason: since Linux 9",
    )
    assert points[2].diagnostics == (*both, "observed: 2 # 3")


def test_a_name_has_no_hash() -> None:
    """It would begin a directive."""
    _, points, _ = read(Verdict("a", "s", "c", "shared file on fuse.#1", "1", "1", "holds"))
    assert points[0].name == "a: shared file on fuse. 1"


def test_nothing_is_a_plan_too() -> None:
    """With its totals."""
    assert read()[:2] == (0, [])

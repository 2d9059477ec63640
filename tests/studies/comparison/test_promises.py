"""prefault_kit.studies.comparison.promises: which promises differ, and where."""

from prefault_kit.studies.comparison import promises
from tests.studies.comparison.made import answer, verdicts

SILENT = {"verdict": "not-testable", "observed": None, "reason": "no swap"}


def test_a_promise_differs_by_what_was_seen() -> None:
    """Also where both verdicts are the same; not where one host could not be asked."""
    a = verdicts("a", answer("seen"), answer("same"), answer("silent"), answer("only-a"))
    b = verdicts("b", answer("seen", observed="2"), answer("same"), answer("silent", **SILENT))
    found = {each.id: each for each in promises.promises([a, b])}
    assert list(found) == ["seen", "same", "silent", "only-a"]
    assert [name for name, each in found.items() if each.differs] == ["seen"]
    assert [name for name, each in found.items() if each.is_partly_asked] == ["silent", "only-a"]
    assert found["only-a"].outcomes == ("holds", None)


def test_the_worst_memory_stands_for_a_promise() -> None:
    """A surprise before a known difference before what holds."""
    on = {"backing": "shared memfd"}
    a = verdicts("a", answer(), answer(verdict="differs", **on))
    b = verdicts("b", answer(), answer(verdict="differs", reason="since 6.4", **on))
    (found,) = promises.promises([a, b])
    assert found.outcomes == ("differs", "explained")
    assert found.differs
    assert [row.differs for row in found.rows] == [False, False]
    assert [each.is_named("a*") for each in (found,)] == [True]


def test_other_words_of_a_promise_are_not_compared() -> None:
    """Another version of the kit may expect another thing: a row of its own."""
    a, b = verdicts("a", answer(expected="1")), verdicts("b", answer(expected="2", observed="2"))
    (found,) = promises.promises([a, b])
    assert [row.answers[0] is None for row in found.rows] == [False, True]
    assert not found.differs

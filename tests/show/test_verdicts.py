"""prefault_kit.show.verdicts: the table that ends a notebook."""

from dataclasses import replace

from prefault_kit.show.verdicts import counts, on_github, summary, verdicts
from prefault_kit.studies.promises import Verdict

VERDICT = Verdict("an-id", "a source", "a claim", "shared file on ext4", "1", "1", "holds")


def test_a_table_does_not_name_the_host_s_file_system() -> None:
    """What is stored must compare everywhere."""
    text = repr(verdicts([VERDICT]))
    assert "- `an-id`: a claim (a source)" in text
    assert "| `an-id` | shared file | 1 | 1 | holds |" in text
    assert "ext4" not in text


def test_what_differs_says_why() -> None:
    """An explained difference carries its reason into the table, one that is not does not hold."""
    known = Verdict("b", "s", "c", "private anon", "1", "2", "differs", "since Linux 9")
    surprise = Verdict("c", "s", "c", "private anon", "1", "2", "differs")
    text = repr(verdicts([known, surprise]))
    assert "| `b` | private anon | 1 | 2 | differs: since Linux 9 |" in text
    assert "| `c` | private anon | 1 | 2 | differs |" in text


def test_what_is_not_testable_says_so() -> None:
    """The row begins its observed column with words that the comparison knows."""
    lacking = Verdict("d", "s", "c", "private anon", "1", None, "not-testable", "no such page")
    assert "| `d` | private anon | 1 | not testable here: no such page | not-testable |" in repr(
        verdicts([lacking])
    )


KNOWN = Verdict("b", "s", "c", "private anon", "1", "2", "differs", "since Linux 9")
SURPRISE = Verdict("c", "s", "c", "private anon", "1", "<b>2", "differs")
LACKING = Verdict("d", "s", "c", "private anon", "1", None, "not-testable", "no page")
ALL = [VERDICT, LACKING, KNOWN, SURPRISE]


def test_counts() -> None:
    """Of each verdict, and of those that nobody can explain."""
    assert counts(ALL) == "1 hold, 2 differ (1 unexplained), 1 not testable here"


def test_a_summary_begins_with_surprises() -> None:
    """Then what is known, then what is not testable; what holds is counted; no HTML."""
    text = summary(ALL, "6.1")
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows == ["| promise", "| c", "| b", "| d"]
    assert "&lt;b&gt;2" in text
    assert "<b>" not in text
    assert "|" not in summary([VERDICT], "6.1")


def test_surprises_alone_are_annotated() -> None:
    """No more than are shown, with room for the sentence that ends the command."""
    [line] = on_github(ALL)
    assert line == "::error title=c%3A private anon::c (s): expected 1; <b>2"
    assert len(on_github([replace(SURPRISE, id=str(at)) for at in range(20)])) == 9

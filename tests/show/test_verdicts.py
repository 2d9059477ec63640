"""prefault_kit.show.verdicts: the table that ends a notebook."""

from prefault_kit.show.verdicts import verdicts
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

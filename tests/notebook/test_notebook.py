"""prefault_kit.notebook: what the notebooks share."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from prefault_kit import notebook
from prefault_kit.host import Unavailable
from prefault_kit.studies.promises import Verdict

VERDICT = Verdict("an-id", "a source", "a claim", "shared file on ext4", "1", "1", "holds")


@pytest.fixture
def shell() -> InteractiveShell:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "prefault_kit.notebook")
    return made


def test_a_table_does_not_name_the_host_s_file_system() -> None:
    """What is stored must compare everywhere."""
    text = repr(notebook.Table([VERDICT]))
    assert "- `an-id`: a claim (a source)" in text
    assert "| `an-id` | shared file | 1 | 1 | holds |" in text
    assert "ext4" not in text


def test_what_differs_says_why() -> None:
    """An explained difference carries its reason into the table, one that is not does not hold."""
    known = Verdict("b", "s", "c", "private anon", "1", "2", "differs", "since Linux 9")
    surprise = Verdict("c", "s", "c", "private anon", "1", "2", "differs")
    text = repr(notebook.Table([known, surprise]))
    assert "| `b` | private anon | 1 | 2 | differs: since Linux 9 |" in text
    assert "| `c` | private anon | 1 | 2 | differs |" in text


def test_what_is_not_testable_says_so() -> None:
    """The row begins its observed column with words that the comparison knows."""
    lacking = Verdict("d", "s", "c", "private anon", "1", None, "not-testable", "no such page")
    assert "| `d` | private anon | 1 | not testable here: no such page | not-testable |" in repr(
        notebook.Table([lacking])
    )


def test_a_cell_runs_where_the_host_has_it(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """%%needs runs the cell, and what it defines stays."""
    shell.run_cell("%%needs private anon\nseen = 1 + 1\nprint('ran')").raise_error()
    assert shell.user_ns["seen"] == 2
    assert capsys.readouterr().out == "ran\n"


def test_a_cell_says_what_the_host_lacks(
    shell: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """%%needs does not run the cell, and prints the reason and the command."""
    monkeypatch.setitem(notebook.FEATURES, "mlock", lambda: Unavailable("no room", "make room"))
    shell.run_cell("%%needs private anon, mlock\nseen = 1").raise_error()
    assert "seen" not in shell.user_ns
    said = capsys.readouterr().out
    assert said == "not testable here: no room; what would help: make room\n"


def test_an_error_in_the_cell_is_an_error(shell: InteractiveShell) -> None:
    """%%needs hides no failure."""
    with pytest.raises(ZeroDivisionError):
        shell.run_cell("%%needs private anon\n1 / 0").raise_error()


def test_a_need_that_nobody_knows(shell: InteractiveShell) -> None:
    """A misspelt need is an error, not a reason to leave the cell out."""
    with pytest.raises(ValueError, match="magic"):
        shell.run_cell("%%needs magic\n1").raise_error()

"""prefault_kit.notebook: what the notebooks share."""

import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from prefault_kit import notebook
from prefault_kit.host import Unavailable


@pytest.mark.parametrize(
    "code",
    [
        "import prefault_kit.notebook",
        "import prefault_kit.show.verdicts",
        "from prefault_kit import notebook; print(notebook.promised('error-unknown-advice'))",
    ],
)
def test_text_needs_no_screen(code: str) -> None:
    """A table of verdicts is printed without Bokeh, Matplotlib and widgets."""
    screens = "{'bokeh', 'jupyter_bokeh', 'ipywidgets', 'matplotlib'}"
    asked = f"{code}\nimport sys\nassert not {screens} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def shell() -> InteractiveShell:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "prefault_kit.notebook")
    return made


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

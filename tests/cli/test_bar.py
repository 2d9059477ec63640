"""The bar on stderr: seen on a terminal, and there alone."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from prefault_kit.cli.bar import heard
from tests.cli.command import (
    COMMAND,
    RUN,
    SMALL_GRID,
    environment,
    prefault,
)


def test_a_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """stderr shows the cell, the part done and the time left, and is wiped in the end."""
    shown = _on_terminal(*SMALL_GRID, "--repeats", "3", "--out", str(tmp_path / "grid.csv"))
    assert "checking 26 cells" in shown
    assert "of 26: shared memfd" in shown
    assert "100%" in shown
    assert "left" in shown
    assert _on_terminal(*RUN, "--json") == ""


def test_a_bar_may_be_lines() -> None:
    """For who follows from elsewhere; what else is said there is no step."""
    done = prefault("check", "fault-first-touch", env=environment(PREFAULT_BAR="lines"))
    steps = [heard(line) for line in done.stderr.splitlines()]
    assert all(steps)
    assert [step for step in steps if step][-1][0] == 1.0
    assert "promises: 1 of " in steps[0][1] if steps[0] else False
    assert heard("Kernel panic - not syncing") is None


BARS = """
from prefault_kit.cli.bar import bars
with bars(wanted=True) as move:
    move("host-1", 0.25, "a cell")
    move("host-2", 0.5, "[b]another[/b]")
    move("host-1", None, "done")
    move("host-3", None, "refused")
"""


def test_several_bars_stand_below_each_other() -> None:
    """Each with its name; one that ends leaves a line."""
    shown = _on_terminal("-c", BARS, command=sys.executable)
    assert "host-1: a cell" in shown
    assert "host-2: [b]another[/b]" in shown
    assert "host-1: done" in shown
    assert "host-3: refused" in shown


def test_several_bars_may_be_lines() -> None:
    """Or nothing at all, where nobody looks."""
    environment = {"PREFAULT_BAR": "lines"}
    for known, lines in ((environment, ["a: half", "a: done"]), ({}, [])):
        done = subprocess.run(
            [sys.executable, "-c", "from prefault_kit.cli.bar import bars\n"
             "with bars(wanted=True) as move: move('a', 0.5, 'half'); move('a', None, 'done')"],
            env=os.environ | known, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stderr.splitlines() == lines


def _on_terminal(*arguments: str, command: str = COMMAND) -> str:
    """What the command writes to a stderr that is a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [command, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = screen.read(65536)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            shown += piece
    assert process.wait(timeout=60) == 0
    return shown.decode()

"""The bar on stderr: seen on a terminal, and there alone."""

import os
import pty
import subprocess
from pathlib import Path

from tests.cli.command import (
    COMMAND,
    RUN,
    SMALL_GRID,
)


def test_a_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """stderr shows the cell, the part done and the time left, and is wiped in the end."""
    shown = _on_terminal(*SMALL_GRID, "--repeats", "3", "--out", str(tmp_path / "grid.csv"))
    assert "checking 26 cells" in shown
    assert "of 26: shared memfd" in shown
    assert "100%" in shown
    assert "left" in shown
    assert _on_terminal(*RUN, "--json") == ""


def _on_terminal(*arguments: str) -> str:
    """What the command writes to a stderr that is a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [COMMAND, *arguments],
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

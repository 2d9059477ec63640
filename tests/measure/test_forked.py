"""prefault_kit.measure.forked: how a child process ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel import errors
from prefault_kit.measure.forked import beside

EHWPOISON = next(code for code, name in errors.ERRNO_NAMES.items() if name == "EHWPOISON")
SHOW = """
import os, signal
from prefault_kit.measure.forked import ended
def refuse():
    raise OSError({errno}, "no")
print(ended({action}))
"""


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ("lambda: None", "returns"),
        ("refuse", "EHWPOISON"),
        (f"lambda: os.kill(os.getpid(), {int(signal.SIGBUS)})", "SIGBUS"),
        (f"lambda: os.kill(os.getpid(), {int(signal.SIGKILL)})", "SIGKILL"),
    ],
)
def test_the_end_in_a_word(action: str, word: str) -> None:
    """A return, an errno and a signal each have their word; the parent lives on to say it."""
    text = SHOW.format(action=action, errno=EHWPOISON)
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.getcwd(),
        timeout=60,
    )
    assert done.stdout == f"{word}\n"


def test_a_child_beside_is_named() -> None:
    """Its process id is there for the block, and is nobody's afterwards."""
    with beside() as child:
        assert Path(f"/proc/{child}/stat").read_text().split()[3] == str(os.getpid())
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)

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


def _held_text(action: str) -> str:
    code = f"""
import os, signal
from prefault_kit.measure.forked import held
def wordless(tell):
    pass
def refused(tell):
    raise OSError(28, "no")
def killed(tell):
    os.kill(os.getpid(), signal.SIGKILL)
with held({action}) as said:
    print(said)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("gone")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("lambda tell: tell('a word')", "a word"),
        ("wordless", "returns"),
        ("refused", "ENOSPC"),
        ("killed", "SIGKILL"),
    ],
)
def test_a_child_is_held_after_its_word(action: str, said: str) -> None:
    """What it told, or how it ended without; afterwards it is gone in any case."""
    assert _held_text(action) == f"{said}\ngone\n"


def test_a_held_child_keeps_what_it_has() -> None:
    """It lives as long as the block: a second one, made within, sees it."""
    code = """
import os
from prefault_kit.measure.forked import held
with held(lambda tell: tell(str(os.getpid()))) as first:
    with held(lambda tell: tell(str(os.path.exists(f"/proc/{first}")))) as second:
        print(second, os.path.exists(f"/proc/{first}"))
print(os.path.exists(f"/proc/{first}"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True True\nFalse\n"

"""A program that is observed while it runs: how it is started and how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial

from prefault_kit.kernel import syscalls

GRACE_S = 5.0
"""How long a program gets to end by itself."""


@contextlib.contextmanager
def started(command: Sequence[str], outputs: tuple[int, int]) -> Iterator[subprocess.Popen[bytes]]:
    """The program, with its output and its errors where they are to go (as of subprocess.Popen).

    It is killed with the block, or with this process if that is; its pipes are closed. OSError
    where it cannot be started. Whoever handles Ctrl-C enters it within
    :func:`~prefault_kit.measure.signals.later`, or the program may be nobody's for a moment.
    """
    ends_with_us = partial(syscalls.die_with_parent, os.getpid())
    program = subprocess.Popen(
        command, stdout=outputs[0], stderr=outputs[1], bufsize=0, preexec_fn=ends_with_us
    )
    try:
        yield program
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
        for each in (program.stdout, program.stderr):
            if each:
                each.close()


def end(program: subprocess.Popen[bytes], living: Set[int], meanwhile: Callable[[], None]) -> None:
    """SIGTERM to it and to those of ``living`` that have not left its session; SIGKILL after
    :data:`GRACE_S` more.

    ``living`` are those that it has started; ``meanwhile`` is called again and again, and adds to
    them. Who was started in the last moment gets SIGTERM as well.
    """
    if program.poll() is None:
        told = _tell(program, living, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while program.poll() is None and time.monotonic() < deadline:
            meanwhile()
        if program.poll() is None:
            told = _tell(program, living, signal.SIGKILL)
        program.wait()
        meanwhile()
        _tell(program, living - told, signal.SIGTERM)
    program.wait()


def _tell(program: subprocess.Popen[bytes], living: Set[int], number: signal.Signals) -> set[int]:
    """Send a signal to the program, unless it has been waited for, and to the others; to whom."""
    program.send_signal(number)
    session = os.getsid(0)
    for pid in living - {program.pid}:
        with contextlib.suppress(OSError):
            if os.getsid(pid) == session:
                os.kill(pid, number)
    return {program.pid, *living}

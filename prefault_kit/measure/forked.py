"""A child process for what ends the process that does it, or changes it for good."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefault_kit.kernel import errors, syscalls


def ended(action: Callable[[], object]) -> str:
    """Do ``action`` in a forked child: ``returns``, an errno's name, or the signal that killed it.

    To be called in the worker, which has one thread.
    """

    def silent() -> None:
        action()

    return told(silent)


def told(action: Callable[[], str | None]) -> str:
    """As :func:`ended`, and instead of ``returns`` what ``action`` returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            faulthandler.disable()  # a death that is asked for leaves no trace
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.write(writer, (action() or "returns").encode())
            status = 0
        except OSError as error:
            status = error.errno or 255
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read().decode()
    return _end(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])) or text


def _end(code: int) -> str:
    """How a child ended: the signal that killed it, the errno it left; nothing if all was well."""
    if code < 0:
        return signal.Signals(-code).name
    return errors.ERRNO_NAMES.get(code, f"exit {code}") if code else ""


@contextmanager
def held(action: Callable[[Callable[[str], None]], None]) -> Iterator[str]:
    """What a forked child tells, which then lives on, with the memory it has, as long as the block.

    ``action`` is called in the child with ``tell``, which takes a text and returns when the block
    ends. A child that ended without a word: as :func:`told` says. It dies with its parent. To be
    called in the worker, which has one thread.
    """
    reader, writer = os.pipe()
    until, release = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            os.close(reader)
            os.close(release)
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            syscalls.die_with_parent(parent)

            def tell(text: str) -> None:
                with os.fdopen(os.dup(writer), "wb") as answer:
                    answer.write(text.encode())
                os.close(writer)
                os.read(until, 1)

            action(tell)
            status = 0
        except OSError as error:
            status = error.errno or 255
        finally:
            os._exit(status)
    os.close(writer)
    os.close(until)
    ended_before = None
    try:
        with os.fdopen(reader, "rb") as answer:
            text = answer.read().decode()
        if not text:
            ended_before = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            text = _end(ended_before) or "returns"
        yield text
    finally:
        os.close(release)
        if ended_before is None:
            os.waitpid(pid, 0)


@contextmanager
def beside() -> Iterator[int]:
    """The process id of a forked child that lives as long as the block, or as its parent, and does
    nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent has closed its end
        os._exit(0)
    os.close(reader)
    try:
        yield child
    finally:
        os.close(writer)
        os.waitpid(child, 0)

"""Signals that end a command, put off while a program is started that would be nobody's."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def later() -> Iterator[None]:
    """Handle Ctrl-C and the like at the end of the block: a program that was just started would be
    nobody's. In a thread that is not the main one there is nothing to handle.

    >>> with later():
    ...     pass
    """
    came: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for each in came[:1]:
            signal.raise_signal(each)

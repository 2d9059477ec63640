"""What hosts are asked for in tests: functions of a module, for a worker imports them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any


def count(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As many rows as are wanted."""
    for number in range(payload["rows"]):
        yield {"row": {"n": number}}
    yield {"end": 0, "said": None}


def wait(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Say which process this is, then go on without an end."""
    yield {"pid": os.getpid()}
    time.sleep(600)


def die(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Be killed, as by a page that is not there."""
    yield {"row": {"n": 1}}
    os.kill(os.getpid(), signal.SIGBUS)


def fail(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Have a fault."""
    yield {"row": {"n": 1}}
    raise RuntimeError("a fault in /home/alice/kit")

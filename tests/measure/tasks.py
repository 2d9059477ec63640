"""What the child runs in the tests of the worker: it finds this module through PYTHONPATH."""

import os
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any


def count(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number in range(payload["to"]):
        yield {"number": number, "pid": os.getpid()}


def sleep(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"asleep": True}
    time.sleep(60)


def die(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"dying": True}
    os.kill(os.getpid(), payload["signal"])
    time.sleep(60)


def fail(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {}
    raise KeyError("lost")


def chatter(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    print("to standard output", flush=True)
    os.write(1, b"raw\n")
    yield {"fine": True}


def leave(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {}
    for line in payload["said"]:
        print(line, file=sys.stderr, flush=True)
    os._exit(3)


def warn(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    warnings.warn("of no consequence", UserWarning, stacklevel=1)
    yield {"fine": True}

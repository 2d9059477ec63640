"""In the worker: the experiment's own generator, with a clock on what is beside its timed parts.

The parent asks for :func:`measure` in the place of ``cell.measure``. It yields the same, and at the
end one more word: where the seconds went.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from prefault_kit.measure import cell, start_state
from prefault_kit.memory import mapping

KEY = "spent_s"


def _clocked(call: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    @functools.wraps(call)
    def clocked(*words: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*words, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - began

    return clocked


def measure(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the cells; after their words, one with the seconds of each kind under :data:`KEY`."""
    spent: dict[str, float] = {}
    hooks = (
        (cell, "StartState", "files"),  # making the file
        (start_state.StartState, "reset", "files"),
        (start_state.StartState, "close", "files"),
        (mapping.Mapping, "__init__", "mapping"),
        (mapping.Mapping, "close", "release"),
        (cell.Cell, "_look", "views"),
    )
    before = [getattr(place, name) for place, name, _ in hooks]
    try:
        for (place, name, kind), call in zip(hooks, before, strict=True):
            setattr(place, name, _clocked(call, kind, spent))
        for word in cell.measure(payload):
            if word.get("phase") == "repetition":
                spent["timed"] = spent.get("timed", 0.0) + word["elapsed_ms"] / 1000
            yield word
    finally:
        for (place, name, _), call in zip(hooks, before, strict=True):
            setattr(place, name, call)
    yield {KEY: spent}

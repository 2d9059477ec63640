"""Records as plain JSON and back: what is read is checked against the dataclass it is to become.

A file may have been damaged, or made by somebody else. What does not fit is a ValueError in one
sentence that names the place. Only types are checked here: whether it makes sense the record knows.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

MOST_ENTRIES = 200_000
"""Of a list or an object."""
MOST_LETTERS = 100_000
MOST_NUMBER = 1 << 63


def read(kind: type[T], data: object, name: str) -> T:
    """A dataclass of what ``dataclasses.asdict`` and JSON made of one; ``name`` is for errors.

    Fields may be numbers, texts, None, tuples, mappings from text, and dataclasses of them. Fields
    with a default may be missing; unknown ones are refused.

    >>> from prefault_kit.measure.intervals import Ratio
    >>> read(Ratio, {"ratio": 2, "low": 1.5, "high": 2.5}, "a ratio")
    Ratio(ratio=2.0, low=1.5, high=2.5)
    >>> read(Ratio, {"ratio": "2", "low": 1.5, "high": 2.5}, "a ratio")
    Traceback (most recent call last):
        ...
    ValueError: a ratio is damaged: ratio is '2', and is to be a number
    """
    try:
        found = _record(kind, data, "")
    except _Misfit as misfit:
        where = f"{misfit.place} is " if misfit.place else "it is "
        said = f"{where}{_short(misfit.value)}, and is to be {misfit.wanted}"
        raise ValueError(f"{name} is damaged: {said}") from None
    return typing.cast("T", found)


class _Misfit(Exception):
    """A value that is not what it is to be."""

    def __init__(self, place: str, value: object, wanted: str) -> None:
        super().__init__(place)
        self.place, self.value, self.wanted = place, value, wanted


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value) if not isinstance(value, str) else ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _record(kind: type, data: object, place: str) -> object:
    if not isinstance(data, dict):
        raise _Misfit(place, data, "an object")
    hints = _hints(kind)
    known = {each.name: each for each in dataclasses.fields(kind)}
    for name in data:
        if name not in known:
            raise _Misfit(_inside(place, name), data[name], "left out")
    values = {}
    for name, each in known.items():
        inner = _inside(place, name)
        if name in data:
            values[name] = _value(hints[name], data[name], inner)
        elif each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING:
            raise _Misfit(inner, None, "there")
    return kind(**values)


def _inside(place: str, name: object) -> str:
    said = name if isinstance(name, str) and name.isidentifier() else _short(name)
    return f"{place}.{said}" if place else str(said)


def _value(kind: Any, value: object, place: str) -> object:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        (some,) = (each for each in inner if each is not type(None))
        return _value(some, value, place)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast("type", kind), value, place)
    if origin is tuple:
        return _tuple(inner, value, place)
    if origin is Mapping or origin is dict:
        return _mapping(inner[1], value, place)
    return _single(kind, value, place)


def _tuple(inner: tuple[Any, ...], value: object, place: str) -> tuple[object, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ENTRIES:
        raise _Misfit(place, value, f"a list of at most {MOST_ENTRIES}")
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        raise _Misfit(place, value, f"a list of {len(inner)}")
    kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_value(kind, each, f"{place}[{at}]") for at, (kind, each) in pairs)


def _mapping(kind: Any, value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) > MOST_ENTRIES:
        raise _Misfit(place, value, f"an object of at most {MOST_ENTRIES}")
    if kind is object:
        return value
    return {name: _value(kind, each, _inside(place, name)) for name, each in value.items()}


def _single(kind: Any, value: object, place: str) -> object:
    if kind is str and isinstance(value, str) and len(value) <= MOST_LETTERS:
        return value
    if kind is bool and isinstance(value, bool):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        fits = math.isfinite(value) and abs(value) < MOST_NUMBER
        if kind is float and fits:
            return float(value)
        if kind is int and fits and isinstance(value, int):
            return value
    wanted = {str: f"a text of at most {MOST_LETTERS} letters", bool: "true or false"}
    wanted |= {int: "a whole number", float: "a number"}
    raise _Misfit(place, value, wanted.get(kind, "something else"))

"""prefault_kit.measure.plain: records from JSON that may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import pytest

from prefault_kit.measure import plain
from prefault_kit.measure.plain import read


@dataclass(frozen=True)
class Inner:
    number: int
    real: float | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    flag: bool = False
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (0, "")
    counts: Mapping[str, int] = field(default_factory=dict)
    anything: Mapping[str, object] = field(default_factory=dict)


FULL = Outer("x", True, Inner(1, 2.5), (Inner(2), Inner(3)), (4, "y"), {"a": 5}, {"b": [None]})


def test_there_and_back() -> None:
    """Lists become tuples, objects records; a whole number is a number, too."""
    assert read(Outer, asdict(FULL), "it") == FULL
    assert read(Outer, {"name": "x"}, "it") == Outer("x")
    found = read(Inner, {"number": 1, "real": 2}, "it")
    assert found == Inner(1, 2.0) and isinstance(found.real, float)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "it is damaged: it is None, and is to be an object"),
        ([], "a list of 0, and is to be an object"),
        ({}, "name is None, and is to be there"),
        ({"name": 1}, "name is 1, and is to be a text"),
        ({"name": "x" * 100_001}, "at most 100000 letters"),
        ({"name": "x", "flag": 1}, "flag is 1, and is to be true or false"),
        ({"name": "x", "more": 1}, "more is 1, and is to be left out"),
        ({"name": "x", "\x1b[2J": 1}, r"'\\x1b\[2J' is 1, and is to be left out"),
        ({"name": "x", "inner": {"number": 1.5}}, r"inner.number is 1.5, and is to be a whole"),
        ({"name": "x", "inner": {"number": True}}, "inner.number is True"),
        ({"name": "x", "inner": {"number": 1 << 63}}, "inner.number is 9223372036854775808"),
        ({"name": "x", "inner": {"number": 1, "real": float("nan")}}, "inner.real is nan"),
        ({"name": "x", "many": {}}, "many is an object of 0, and is to be a list"),
        ({"name": "x", "many": [{"number": 1}, 2]}, r"many\[1\] is 2, and is to be an object"),
        ({"name": "x", "pair": [1]}, "pair is a list of 1, and is to be a list of 2"),
        ({"name": "x", "counts": {"a\n": "b"}}, r"counts.'a\\n' is 'b', and is to be a whole"),
        ({"name": "x", "anything": 3}, "anything is 3"),
    ],
)
def test_what_does_not_fit_is_named(data: object, said: str) -> None:
    """By its place, in one line without control characters."""
    with pytest.raises(ValueError, match=said) as raised:
        read(Outer, data, "it")
    assert str(raised.value).isprintable() and len(str(raised.value)) < 300


def test_lists_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """And objects."""
    monkeypatch.setattr(plain, "MOST_ENTRIES", 2)
    for data in ({"many": [{"number": 1}] * 3}, {"counts": dict.fromkeys("abc", 1)}):
        with pytest.raises(ValueError, match="at most 2"):
            read(Outer, {"name": "x", **data}, "it")

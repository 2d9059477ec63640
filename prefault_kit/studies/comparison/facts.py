"""The facts of a host that a run may carry: what each is, and in which of them hosts differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.measure.result import is_count
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.comparison.recorded import Run

MOST_LETTERS = 200
MOST_ENTRIES = 64
POOL = ("page_size_bytes", "total", "free", "reserved")


def is_name(value: object) -> bool:
    """Whether a value is a name as a kernel or a processor has one: short, one line, no markup."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MOST_LETTERS
        and value.isprintable()
        and not set("<>&") & set(value)
    )


def _several(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, list) and len(value) <= MOST_ENTRIES and all(map(check, value))
    )


def _is_pool(value: object) -> bool:
    return (
        isinstance(value, dict) and set(value) == set(POOL) and all(map(is_count, value.values()))
    )


def _is_page_size(value: object) -> bool:
    return isinstance(value, int) and is_count(value) and value.bit_count() == 1


NAME, COUNT = (is_name, "a name"), (is_count, "a count")
PAGE = (_is_page_size, "a power of two")
FACTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "kernel": NAME,
    "machine": NAME,
    "cpu": NAME,
    "cpus": COUNT,
    "memory_bytes": COUNT,
    "memory_limit_bytes": COUNT,
    "swap_bytes": COUNT,
    "page_size_bytes": PAGE,
    "huge_page_sizes_bytes": (_several(_is_page_size), "a list of powers of two"),
    "huge_page_pools": (_several(_is_pool), "a list of pools of huge pages"),
    "thp": NAME,
    "shmem_thp": NAME,
    "hypervisor": NAME,
    "accelerator": NAME,
    "damon": (_several(is_name), "a list of names"),
    "python": NAME,
    "prefault_kit": NAME,
    "date": NAME,
}
"""What a run may say of its host, with the check of each; None is what could not be found out.

``accelerator`` is how a guest ran: ``tcg`` is emulated."""
OWN = ("file_systems", "starts", "repeats")
"""What is the run's, and not the host's."""
SIDE_BY_SIDE = (
    "kernel", "machine", "cpu", "cpus", "hypervisor", "accelerator", "page_size_bytes",
    "huge_page_sizes_bytes", "thp", "shmem_thp", "file_systems", "memory_bytes",
    "memory_limit_bytes", "swap_bytes", "damon", "starts", "repeats", "prefault_kit", "python",
)  # fmt: skip
"""What is held against each other, that which matters most first."""
SIZES = ("memory_bytes", "memory_limit_bytes", "swap_bytes")
"""Compared as they are told, in four figures: a boot leaves a few pages more or fewer."""
NONE = "none"
"""A fact that a run has as None or as an empty list: there is no such thing on its host."""


@dataclass(frozen=True)
class Difference:
    """A fact in which hosts differ."""

    fact: str
    values: tuple[tuple[Any, tuple[str, ...]], ...]
    """Each value, None if unknown, and the runs that have it."""


def known(host: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The facts that are known ones, and the names of those that are not.

    ValueError, in part of a sentence, for a fact that cannot be.
    """
    if not isinstance(host, dict):
        raise ValueError("what it says of the host is no object")
    for name, (check, what) in FACTS.items():
        value = host.get(name)
        if value is not None and not check(value):
            said = ascii(value)
            said = said if len(said) <= 60 else f"{said[:60]}..."
            raise ValueError(f"{name} of the host is {said}, and is to be {what}")
    taken = {name: host[name] for name in FACTS if name in host}
    more = tuple(ascii(name)[1:-1][:60] for name in host if name not in FACTS)
    return taken, more[:MOST_ENTRIES]


def value(run: Run, fact: str) -> Any:
    """One of :data:`SIDE_BY_SIDE` of a run, as something that can be compared: :data:`NONE` where
    its host has none, None where that is not known."""
    if fact in OWN:
        return getattr(run, fact) or None
    if fact not in run.host:
        return None
    found = run.host[fact]
    if found is None or found == []:
        return NONE
    return tuple(found) if isinstance(found, list) else found


def differences(runs: Sequence[Run]) -> tuple[Difference, ...]:
    """In what the hosts differ, as far as the runs say."""
    found = []
    for fact in SIDE_BY_SIDE:
        by_value: dict[Any, tuple[Any, list[str]]] = {}
        for run in runs:
            own = value(run, fact)
            told = format_bytes(own) if fact in SIZES and isinstance(own, int) else own
            by_value.setdefault(told, (own, []))[1].append(run.name)
        if len(by_value) > 1:
            groups = tuple((each, tuple(names)) for each, names in by_value.values())
            found.append(Difference(fact, groups))
    return tuple(found)

"""The hosts of a fleet: a row each, what it is and how it ended."""

from __future__ import annotations

from typing import Any

from prefault_kit.show.claims import Table
from prefault_kit.show.comparison import fact
from prefault_kit.show.printable import printable
from prefault_kit.show.units import format_count
from prefault_kit.studies.fleet.collected import DONE, Fleet, Host

HEAD = ("host", "state", "rows", "kernel", "processor", "what it says")


def row(host: Host) -> tuple[str, ...]:
    """A host in the columns of :data:`HEAD`."""
    facts = (fact(name, host.facts.get(name)) if host.facts else "-" for name in ("kernel", "cpu"))
    return (named(host), host.state, str(host.count or "-"), *facts, printable(host.message or ""))


def named(host: Host) -> str:
    """Its number, and its own name where that is known."""
    return f"{host.name} ({printable(host.hostname)})" if host.hostname else host.name


def hosts(found: Fleet) -> Table:
    """All of them, as a table for notebooks."""
    return Table(HEAD, tuple(map(row, found.hosts)))


def sentence(found: Fleet) -> str:
    """How the fleet ended: ``2 of 3 hosts are done; left: host-2``."""
    done = sum(each.state == DONE for each in found.hosts)
    others: dict[str, list[str]] = {}
    for each in found.hosts:
        if each.state != DONE:
            others.setdefault(each.state, []).append(each.name)
    said = f"{done} of {format_count(len(found.hosts), 'host')} are done"
    return "; ".join([said, *(f"{state}: {', '.join(names)}" for state, names in others.items())])


def as_dict(found: Fleet) -> dict[str, Any]:
    """The JSON object that ``fleet --json`` prints."""
    shown = ("name", "hostname", "state", "message", "count", "facts")
    return {
        "words": list(found.words),
        "hosts": [{name: getattr(each, name) for name in shown} for each in found.hosts],
    }

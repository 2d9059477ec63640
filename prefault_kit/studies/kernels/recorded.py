"""The recorded kernels: those that come with the kit, and one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.record import Record, load_all

OF_THE_KIT = Path(__file__).parent / "records"
"""In a checkout a link to ``data/kernels``; in a wheel the files themselves."""


def of_the_kit() -> list[Record]:
    """The kernels that come with the kit, from old to new."""
    return load_all(OF_THE_KIT)


def known(own: Path) -> list[Record]:
    """The kernels that come with the kit and those of a directory, from old to new.

    Of two records of one name, one's own is taken. ValueError for a file that is no record.
    """
    named = {each.name: each for each in (*of_the_kit(), *load_all(own))}
    return sorted(named.values(), key=lambda each: each.order)


def find(records: Sequence[Record], asked: str) -> Record:
    """The record of a kernel, by its name (``6.1.176``) or its series (``6.1``): the newest.

    ValueError names the recorded ones where there is none, or says why it has no verdicts.
    """
    found = [
        each
        for each in records
        if asked and asked in (each.name, each.version, version.series(each.version))
    ]
    if not found:
        there = ", ".join(each.name for each in records) or "none"
        raise ValueError(f"no kernel {asked or repr(asked)} is recorded; recorded are: {there}")
    # of one version the plain name: x86-64, with pages of 4 KiB
    newest = max(found, key=lambda each: (version.order(each.version), -len(each.name)))
    if newest.error:
        raise ValueError(f"kernel {newest.name} is recorded without verdicts: {newest.error}")
    return newest


def newest(records: Sequence[Record]) -> Record:
    """The newest that answered, of records from old to new; ValueError if none did."""
    answered = [each for each in records if not each.error]
    if not answered:
        raise ValueError("no kernel is recorded with verdicts")
    return answered[-1]

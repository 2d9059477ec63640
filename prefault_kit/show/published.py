"""Tables about the published timings: what populating saves, and the puzzle of the page cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import Markdown, table
from prefault_kit.studies.grid.conclusions import name
from prefault_kit.studies.grid.saving import Saving
from prefault_kit.studies.grid.warm_cache import Fit


def savings(found: Iterable[Saving]) -> Markdown:
    """A row for each pair of touching and populating, in nanoseconds a page."""
    heads = ("memory", "touch", "figures", "touching, ns a page", "populating", "saved")
    rows = [
        (
            name(each.memory),
            each.touch,
            each.when,
            f"{each.touching_ns:.0f}",
            f"{each.populating_ns:.0f}",
            f"{each.saved_ns:.0f}",
        )
        for each in found
    ]
    return Markdown(table(heads, rows))


def private_over_shared(found: Mapping[int, Mapping[tuple[str, str], float]]) -> Markdown:
    """Published ratios of a private mapping to a shared one: a column a size in bytes."""
    heads = ("file", "method", *(f"private over shared, {format_bytes(size)}" for size in found))
    keys = dict.fromkeys(key for ratios in found.values() for key in ratios)
    rows = [
        (*key, *(f"{ratios[key]:.2f}" if key in ratios else "" for ratios in found.values()))
        for key in keys
    ]
    return Markdown(table(heads, rows))


def fits(found: Iterable[Fit]) -> Markdown:
    """A row for each published figure: it, and what both start states took, in the same unit."""
    heads = ("memory", "method", "size", "2021", "empty", "cached", "fits")
    rows = [
        (
            name(each.memory),
            each.method,
            format_bytes(each.size_bytes),
            f"{each.published:.2f}",
            f"{each.empty:.2f}",
            f"{each.cached:.2f}",
            each.state,
        )
        for each in found
    ]
    return Markdown(table(heads, rows))

"""The explorer's texts in HTML: legends, the table of results, what cannot run here.

Pure functions of the model's records; everything that is not a constant is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from prefault_kit.measure.result import Result
from prefault_kit.memory.methods import METHODS
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.options import Option
from prefault_kit.screens.widgets import text
from prefault_kit.show import labels, plot
from prefault_kit.show.palette import BLUE, PURPLE
from prefault_kit.show.result import COUNT_NAMES, SHARE_NAMES, phases, shares_bytes
from prefault_kit.show.units import format_ms
from prefault_kit.studies.grid.published import published

CONTROL_NAMES = {"backing": "", "page_size": " pages", "method": "", "start": " start"}

WELCOME = (
    "Press <b>Run</b>: memory is mapped and populated several times, and the charts show how long "
    "that took and what the kernel did. <b>Compare methods</b> runs every method that applies to "
    "the chosen memory, interleaved."
)


def refused(offer: Mapping[str, Sequence[Option]]) -> str:
    """What is greyed out, and why."""
    return text.refused(offer, CONTROL_NAMES) or (
        '<div class="prefault-note">This host can run everything on offer.</div>'
    )


def about(method: str) -> str:
    """What the chosen method does."""
    known = METHODS.get(method)
    return f"<b>{escape(method)}</b>: {escape(known.summary)}" if known else ""


def summary(paragraph: str, notes: Sequence[str]) -> str:
    """The paragraph on the result that is looked at, and its notes."""
    if not paragraph:
        return f'<div class="prefault-summary">{WELCOME}</div>'
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    listed = f'<ul class="prefault-note">{lines}</ul>' if lines else ""
    return f'<div class="prefault-summary">{escape(paragraph)}{listed}</div>'


def _square(color: str, *, hatched: bool = False, hollow: bool = False) -> str:
    box = f'<rect x="3" y="0.5" width="11" height="11" fill="{color}" '
    box += f'fill-opacity="{0.15 if hollow else 1}" stroke="{color}"/>'
    if hatched:
        box += '<path d="M3 6 L8.5 0.5 M3 11.5 L14 0.5 M8.5 11.5 L14 6" stroke="white"/>'
    return box


DOT = f'<circle cx="9" cy="6" r="4.5" fill="{BLUE}"/>'
DASH = f'<line x1="9" x2="9" y1="0" y2="12" stroke="{BLUE}" stroke-width="2.5"/>'
DIAMOND = f'<path d="M9 1 L14 6 L9 11 L4 6 Z" fill="none" stroke="{PURPLE}" stroke-width="2"/>'


def times_card(result: Result | None) -> str:
    """Title and legend of the repetitions' times."""
    title = "Time of each repetition"
    if result is None:
        return text.card(title)
    entries = []
    if result.best_ms and result.median_ms:
        entries = [
            text.entry(text.line(BLUE, "none"), "minimum", format_ms(result.best_ms)),
            text.entry(text.line(BLUE, "5 3"), "median", format_ms(result.median_ms)),
        ]
    if known_ms := published(result):
        entries.append(text.entry(text.line(PURPLE, "2 2"), "published 2021", format_ms(known_ms)))
    subtitle = result.method
    if result.warmup_ms:
        subtitle += f", after a warm-up of {format_ms(result.warmup_ms)}"
    return text.card(title, subtitle, *entries)


def resident_card(results: Sequence[Result]) -> str:
    """Title and legend of resident memory."""
    entries = [
        text.entry(_square(color, hatched=share in plot.HATCHED), SHARE_NAMES[share])
        for share, color in plot.SHARE_COLORS.items()
    ]
    sizes = {result.size_bytes for result in results}
    return text.card(
        "Resident memory", f"of {format_bytes(sizes.pop())}" if len(sizes) == 1 else "", *entries
    )


def follow_up_card(result: Result | None) -> str:
    """Title and legend of the follow-up, with a word on what cannot be drawn."""
    title = "File pages and faults, now and later"
    if result is None:
        return text.card(title, "")
    found = phases(result)
    keys = [key for key in COUNT_NAMES if any(phase.get(key) is not None for phase in found)]
    entries = [
        text.entry(
            _square(plot.COUNT_COLORS[key], hatched=key in plot.HATCHED, hollow=key == "cached"),
            COUNT_NAMES[key],
        )
        for key in keys
    ]
    if found and result.file is None:
        entries.append("<span>(no file behind this memory)</span>")
    elif len(found) == 1:
        entries.append("<span>(without the follow-up)</span>")
    return text.card(title, result.method, *entries)


def compared_card(results: Sequence[Result], hidden: int) -> str:
    """Title and legend of the compared times."""
    entries = [
        text.entry(DOT, "best"),
        text.entry(DASH, "median"),
        text.entry(DIAMOND, "published 2021"),
    ]
    if hidden:
        entries.append(f"<span>{hidden} older ones not drawn</span>")
    elif len(results) > 1:
        entries.append("<span>click a row for its details</span>")
    return text.card("Runs side by side", labels.common(results), *entries)


HEADS = (
    "method", "memory", "best", "median", "published<br>2021", "present<br>pages", "zero<br>page",
    "clean", "dirty", "anony-<br>mous", "huge", "faults,<br>minor + major",
    "faults of a<br>later write",
)  # fmt: skip


def table(results: Sequence[Result], shown: int | None) -> str:
    """Every kept result in numbers."""
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = "".join(
        f"<tr{' class=prefault-shown' if index == shown else ''}>"
        + "".join(map(text.cell, _cells(result)))
        + "</tr>"
        for index, result in enumerate(results)
    )
    return (
        '<div class="prefault-scroll"><table class="prefault-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(result: Result) -> list[str]:
    known_ms = published(result)
    memory = ", ".join(labels.traits(result))
    times = [format_ms(ms) if ms else "-" for ms in (result.best_ms, result.median_ms, known_ms)]
    if result.usage is None or result.pages is None:
        best = times[0] if result.best_ms else result.errno or result.outcome
        return [result.method, memory, best, *times[1:], *["-"] * 8]
    shares = shares_bytes(result)
    write = [phase["minor_faults"] for phase in result.phases if phase["phase"] == "write"]
    return [
        result.method,
        memory,
        *times,
        f"{result.pages['present']:,}",
        *(format_bytes(size) if size else "0" for size in shares.values()),
        f"{(result.faults or {}).get('minor', 0):,} + {(result.faults or {}).get('major', 0):,}",
        f"{write[0]:,}" if write else "-",
    ]

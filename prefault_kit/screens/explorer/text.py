"""What the explorer says in HTML: legends, the table of kept runs, what cannot run here.

Pure functions of the model's records; everything that is not a constant is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from prefault_kit.memory.methods import METHODS
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.explorer import rows, words
from prefault_kit.screens.model import Option
from prefault_kit.screens.widgets import text
from prefault_kit.show import plot
from prefault_kit.show.palette import BLUE, PURPLE
from prefault_kit.show.units import format_ms

CONTROL_NAMES = {"backing": "", "page_size": " pages", "method": "", "start": " start"}

PLACES = {
    "tmpfs": "found among the mounts",
    "file": "the current directory",
    "hugetlbfs": "found among the mounts",
}
"""What an empty directory means, for the backings that have one."""

WELCOME = (
    "Press <b>Run</b>: real memory is mapped and populated, a few times over, and the charts show "
    "what that took and what the kernel left behind. <b>Compare methods</b> does the same with "
    "every method for the chosen memory, turn by turn."
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


def summary(said: str, notes: Sequence[str]) -> str:
    """The paragraph on the run that is looked at, and its notes."""
    if not said:
        return f'<div class="prefault-summary">{WELCOME}</div>'
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    listed = f'<ul class="prefault-note">{lines}</ul>' if lines else ""
    return f'<div class="prefault-summary">{escape(said)}{listed}</div>'


def _square(color: str, *, hatched: bool = False, hollow: bool = False) -> str:
    box = f'<rect x="3" y="0.5" width="11" height="11" fill="{color}" '
    box += f'fill-opacity="{0.15 if hollow else 1}" stroke="{color}"/>'
    if hatched:
        box += '<path d="M3 6 L8.5 0.5 M3 11.5 L14 0.5 M8.5 11.5 L14 6" stroke="white"/>'
    return box


DOT = f'<circle cx="9" cy="6" r="4.5" fill="{BLUE}"/>'
DASH = f'<line x1="9" x2="9" y1="0" y2="12" stroke="{BLUE}" stroke-width="2.5"/>'
DIAMOND = f'<path d="M9 1 L14 6 L9 11 L4 6 Z" fill="none" stroke="{PURPLE}" stroke-width="2"/>'


def times_card(row: rows.Row | None) -> str:
    """Chart 1's head."""
    title = "Time of each repetition"
    if row is None:
        return text.card(title, "press Run to fill the charts")
    entries = []
    if row.best_ms and row.median_ms:
        entries = [
            text.entry(text.line(BLUE, "none"), "minimum", format_ms(row.best_ms)),
            text.entry(text.line(BLUE, "5 3"), "median", format_ms(row.median_ms)),
        ]
    if row.published_ms:
        entries.append(
            text.entry(text.line(PURPLE, "2 2"), "published 2021", format_ms(row.published_ms))
        )
    subtitle = row.method
    if row.result and row.result.warmup_ms:
        subtitle += f", after a warm-up of {format_ms(row.result.warmup_ms)}"
    return text.card(title, subtitle, *entries)


def resident_card(shown_rows: Sequence[rows.Row]) -> str:
    """Chart 2's head."""
    entries = [
        text.entry(_square(color, hatched=share in plot.HATCHED), words.SHARE_NAMES[share])
        for share, color in plot.SHARE_COLORS.items()
    ]
    size = {row.size for row in shown_rows}
    return text.card("Resident memory", f"of {size.pop()}" if len(size) == 1 else "", *entries)


def later_card(row: rows.Row | None) -> str:
    """Chart 3's head, with a word on what cannot be drawn."""
    title = "File pages and faults, now and later"
    if row is None or row.result is None:
        return text.card(title, "")
    phases = rows.phases(row.result)
    keys = [key for key in words.COUNT_NAMES if any(p.get(key) is not None for p in phases)]
    entries = [
        text.entry(
            _square(
                plot.COUNT_COLORS[key],
                hatched=key in plot.HATCHED,
                hollow=key == "cached",
            ),
            words.COUNT_NAMES[key],
        )
        for key in keys
    ]
    if row.result.file is None and phases:
        entries.append("<span>(no file behind this memory)</span>")
    elif len(phases) == 1 and not row.under_way:
        entries.append("<span>(without the follow-up)</span>")
    return text.card(title, row.method, *entries)


def kept_card(shown_rows: Sequence[rows.Row], hidden: int) -> str:
    """Chart 4's head."""
    entries = [
        text.entry(DOT, "best"),
        text.entry(DASH, "median"),
        text.entry(DIAMOND, "published 2021"),
    ]
    if hidden:
        entries.append(f"<span>{hidden} older not drawn</span>")
    elif len(shown_rows) > 1:
        entries.append("<span>click a row to look at it</span>")
    return text.card("Runs side by side", rows.common(shown_rows) if shown_rows else "", *entries)


HEADS = (
    "method", "memory", "best", "median", "published<br>2021", "present<br>pages", "zero<br>page",
    "clean", "dirty", "anony-<br>mous", "huge", "faults,<br>minor + major",
    "faults of a<br>later write",
)  # fmt: skip


def table(shown_rows: Sequence[rows.Row], shown: int | None) -> str:
    """Every kept run in numbers."""
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = "".join(
        f"<tr{' class=prefault-shown' if index == shown else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(row))
        + "</tr>"
        for index, row in enumerate(shown_rows)
    )
    return (
        f'<table class="prefault-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _cells(row: rows.Row) -> list[str]:
    result = row.result
    memory = ", ".join(row.traits)
    times = [format_ms(ms) if ms else "-" for ms in (row.best_ms, row.median_ms, row.published_ms)]
    if result is None or result.usage is None or result.pages is None:
        outcome = (result.errno or result.outcome) if result else "running"
        return [row.method, memory, times[0] if row.best_ms else outcome, *times[1:], *["-"] * 8]
    shares = rows.shares_bytes(result)
    write = [phase["minor_faults"] for phase in result.phases if phase["phase"] == "write"]
    return [
        row.method,
        memory,
        *times,
        f"{result.pages['present']:,}",
        *(format_bytes(size) if size else "0" for size in shares.values()),
        f"{(result.faults or {}).get('minor', 0):,} + {(result.faults or {}).get('major', 0):,}",
        f"{write[0]:,}" if write else "-",
    ]

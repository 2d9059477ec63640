"""What the playground says, as HTML."""

from __future__ import annotations

from html import escape

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.playground.model import Playground, describe
from prefault_kit.show.strips import TITLES, WORDS, look
from prefault_kit.show.units import format_count
from prefault_kit.studies.playground.ground import PARENT
from prefault_kit.studies.playground.strips import Strips
from prefault_kit.studies.promises import PROMISES

AMOUNTS = {
    "rss": "resident (RSS)",
    "pss": "its share (PSS)",
    "dirty": "dirty (smaps)",
    "locked": "locked",
    "hugetlb": "hugetlb pages",
    "blocks": "storage (st_blocks)",
    "page_table": "page tables of the process",
}
MOST_LISTED = 100
"""Of the steps, the newest ones; the list is sent after every step."""
BACKGROUNDS = {
    "/": "repeating-linear-gradient(135deg, #fff9 0 1.5px, transparent 1.5px 5px)",
    "x": "repeating-linear-gradient(45deg, #fff9 0 1.5px, transparent 1.5px 5px), "
    "repeating-linear-gradient(135deg, #fff9 0 1.5px, transparent 1.5px 5px)",
    "-": "repeating-linear-gradient(0deg, #fff9 0 1.5px, transparent 1.5px 5px)",
    "|": "repeating-linear-gradient(90deg, #fff9 0 1.5px, transparent 1.5px 5px)",
    "+": "repeating-linear-gradient(0deg, #fff9 0 1.5px, transparent 1.5px 5px), "
    "repeating-linear-gradient(90deg, #fff9 0 1.5px, transparent 1.5px 5px)",
    ".": "radial-gradient(#fffc 25%, transparent 27%) 0 0 / 5px 5px",
}
"""A hatch of Bokeh's, in CSS."""
FOLIO = '<i class="prefault-swatch" style="border: 1.5px solid #000"></i>'
"""A line around pages."""


def swatch(word: str) -> str:
    """A small square that looks like a page of this word."""
    color, hatch = look(word)
    over = f"{BACKGROUNDS[hatch]}, " if hatch in BACKGROUNDS else ""
    return f'<i class="prefault-swatch" style="background:{over}{color}"></i>'


def legend(strips: Strips, names: tuple[str, ...]) -> str:
    """The words that are there, each with how many pages are so."""
    lines = []
    for name in names:
        strip = getattr(strips, name, None)
        if not strip:
            continue
        parts = {part for word in strip for part in (word.split() if name == "access" else [word])}
        entries = "".join(
            f"<span>{swatch(word)}{escape(word)} "
            f"<b>{sum(_is(word, each, name) for each in strip):,}</b></span>"
            for word in WORDS[name]
            if word in parts
        )
        if name == "table" and strips.folios:
            together = sum(count for _, count in strips.folios)
            entries += f"<span>{FOLIO}in a folio of several pages <b>{together}</b></span>"
        lines.append(f'<div class="prefault-legend"><em>{TITLES[name]}</em>{entries}</div>')
    return "".join(lines)


def _is(word: str, each: str, name: str) -> bool:
    return word in each.split() if name == "access" else word == each


def map_head(model: Playground, process: str, *, beside: bool) -> str:
    """The title of a map; ``beside`` another."""
    title = f"The {process}'s memory" if beside else f"{format_count(model.pages, 'page')}"
    dead = process == PARENT and bool(model.acts) and not model.alive
    return f'<div class="prefault-title">{title}{", when its process died" if dead else ""}</div>'


def happened(model: Playground) -> str:
    """What the last step cost, and the sentence that says why, with the promise that holds it."""
    act, reason = model.news, model.reason
    if act is None:
        return ""
    outcome = act.outcome
    cost = [
        format_count(outcome.minor, "minor fault"),
        format_count(outcome.major, "major fault"),
    ]
    if outcome.elapsed_ns:
        cost.append(f"{outcome.elapsed_ns / 1000:,.1f} us")
    said = ""
    if reason:
        said = f"<p>{escape(reason.text)}</p>"
        if reason.promise in PROMISES:
            claim = escape(PROMISES[reason.promise].claim, quote=True)
            said += (
                f'<p class="prefault-note">Held by the promise <code title="{claim}">'
                f"{reason.promise}</code>: <code>prefault-kit check {reason.promise}</code></p>"
            )
    return (
        f'<div class="prefault-happened" role="status"><b>{escape(describe(act.step))}</b> '
        f'<span class="prefault-note">{", ".join(cost)}</span>{said}</div>'
    )


def amounts(now: Strips | None, before: Strips | None) -> str:
    """The bytes of all of it, and by how much they changed."""
    if now is None:
        return ""
    rows = []
    for name, title in AMOUNTS.items():
        value = now.bytes.get(name)
        if value is None:
            continue
        old = before.bytes.get(name) if before else None
        change = "" if old is None or old == value else _change(value - old)
        rows.append(
            f"<tr><td>{title}</td><td>{format_bytes(value) if value else '0'}</td>"
            f"<td>{change}</td></tr>"
        )
    return (
        '<table class="prefault-table"><thead><tr><th>all pages</th><th>now</th><th>this step</th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def amounts_line(now: Strips | None, before: Strips | None) -> str:
    """The bytes that a lesson asks about, in one line."""
    if now is None:
        return ""
    parts = []
    for name in ("rss", "pss", "dirty", "blocks"):
        value, old = now.bytes.get(name), before.bytes.get(name) if before else None
        if value is None:
            continue
        change = "" if old is None or old == value else f" ({_change(value - old)})"
        size = format_bytes(value) if value else "0"
        parts.append(f"<span>{AMOUNTS[name]} <b>{size}</b>{change}</span>")
    return f'<div class="prefault-legend">{"".join(parts)}</div>'


def _change(difference: int) -> str:
    sign = "+" if difference > 0 else "-"
    return f"{sign}{format_bytes(abs(difference))}"


def cursor(model: Playground, strips: Strips | None) -> str:
    """What the chosen pages are, to be read aloud."""
    first, count = model.step
    if strips is None:
        return ""
    words = [
        f"{TITLES[name]} {strip[first]}"
        for name in TITLES
        if (strip := getattr(strips, name, None))
        and not (name == "access" and strip[first] == "rw")
    ]
    folio = next((many for at, many in strips.folios or [] if at <= first < at + many), None)
    if folio is not None:
        words.append(f"with {folio} pages of its folio" if folio > 1 else "a page of a folio")
    chosen = f"Page {first}" if count == 1 else f"Pages {first} to {first + count - 1}, the first"
    return f'<span role="status" aria-live="polite">{chosen}: {escape(", ".join(words))}</span>'


def score(model: Playground) -> str:
    """What was predicted, and how much of it came so."""
    right, of = model.score
    parts = []
    if model.wrong:
        parts.append(f"{format_count(len(model.wrong), 'page')} came otherwise (crossed).")
    if of:
        parts.append(f"Predicted so far: <b>{right} of {of}</b> pages.")
    return f'<div class="prefault-note">{" ".join(parts)}</div>' if parts else ""


def steps(model: Playground) -> list[tuple[str, int]]:
    """The history, a line for each step, to choose from."""
    lines = [("0. fresh memory", 0)]
    first = max(0, len(model.acts) - MOST_LISTED)
    for number, act in enumerate(model.acts[first:], first + 1):
        outcome = act.outcome
        what = outcome.died or outcome.error or f"{outcome.minor:,} + {outcome.major:,} faults"
        lines.append((f"{number}. {describe(act.step)}, {what}", number))
    return lines


def code(source: str) -> str:
    """A program, to be copied."""
    return f'<pre class="prefault-code" tabindex="0">{escape(source)}</pre>'

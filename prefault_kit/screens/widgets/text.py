"""Texts of the screens in HTML; everything that is not a constant is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from prefault_kit.screens.options import Option, Problem
from prefault_kit.show.sentences import sentence

MEMORY_TIPS = {
    "anon": "Anonymous memory: mmap without a file",
    "memfd": "A file in memory without a name: memfd_create",
    "tmpfs": "A file on tmpfs, such as /dev/shm",
    "hugetlbfs": "A file of huge pages on hugetlbfs",
    "private": "MAP_PRIVATE: writes go to private copies of the pages",
    "shared": "MAP_SHARED: writes go to the file, or to memory shared after a fork",
}
"""What kinds of memory are, for those who hover over their names."""
DIRECTORY_HINTS = {
    "tmpfs": "found among the mounts",
    "file": "the current directory",
    "hugetlbfs": "found among the mounts",
}
"""What an empty directory means, for the backings that have a directory."""


def command(text: str | None) -> str:
    """The command that would help, to be copied; empty without one."""
    return f" To help: <code>{escape(text)}</code>" if text else ""


def heading(text: str) -> str:
    """The heading of a group of controls."""
    return f'<div class="prefault-heading">{escape(text)}</div>'


def note(text: str) -> str:
    """A remark beside something."""
    return f'<div class="prefault-note">{escape(text)}</div>'


def status(
    text: str,
    help_text: str,
    *,
    running: bool = False,
    failed: bool = False,
    fraction: float | None = None,
) -> str:
    """The line under the buttons, with a bar while something runs of which a fraction is done."""
    state = "running" if running else "failed" if failed else "ready"
    bar = (
        f'<div class="prefault-bar" role="progressbar" aria-valuenow="{fraction:.0%}">'
        f'<div style="width:{fraction:.1%}"></div></div>'
        if running and fraction is not None
        else ""
    )
    return (
        f'<div role="status" aria-live="polite"><div class="prefault-status prefault-{state}">'
        f'<span class="prefault-dot"></span><span>{escape(text)}{command(help_text)}</span></div>'
        f"{bar}</div>"
    )


def problem(found: Problem | None) -> str:
    """Why the present choice cannot run; empty if it can."""
    if found is None:
        return ""
    reason = escape(sentence(found.reason))
    return f'<div class="prefault-problem">{reason}{command(found.command)}</div>'


def refused(
    offer: Mapping[str, Sequence[Option]],
    names: Mapping[str, str] | None = None,
    lead: str = "Greyed out on this host:",
) -> str:
    """What is greyed out, each with its reason and the command that enables it; empty if nothing
    is. ``names`` has what to append to an option's value, by its control."""
    causes: dict[tuple[str, str | None], list[str]] = {}
    for control, options in offer.items():
        for option in options:
            if option.reason:
                name = f"{option.value}{(names or {}).get(control, '')}"
                causes.setdefault((option.reason, option.command), []).append(name)
    lines = "".join(
        f"<li><b>{escape(', '.join(values))}</b>: {escape(sentence(reason))}{command(helps)}</li>"
        for (reason, helps), values in causes.items()
    )
    return f'<div class="prefault-note">{escape(lead)}<ul>{lines}</ul></div>' if lines else ""


def cell(text: str) -> str:
    """A cell of a table; a long name may break after each ``+``."""
    return f"<td>{escape(text).replace('+', '+<wbr>')}</td>"


def card(title: str, subtitle: str = "", *entries: str) -> str:
    """A chart's title and legend."""
    sub = f' <span class="prefault-note">{escape(subtitle)}</span>' if subtitle else ""
    return (
        f'<div class="prefault-title">{escape(title)}{sub}</div>'
        f'<div class="prefault-legend">{"".join(entries)}</div>'
    )


def entry(mark: str, name: str, value: str = "") -> str:
    """A line of a legend: a mark, which is SVG of 18 by 12, what it stands for, and a figure."""
    bold = f" <b>{escape(value)}</b>" if value else ""
    icon = f'<svg width="18" height="12" aria-hidden="true">{mark}</svg>'
    return f"<span>{icon}{escape(name)}{bold}</span>"


def line(color: str, dash: str) -> str:
    """The mark of a line; ``dash`` as in SVG, ``none`` for none."""
    return (
        f'<line x1="0" x2="18" y1="6" y2="6" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dash}"/>'
    )

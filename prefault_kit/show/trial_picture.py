"""A trial as a picture: each run of each row as a point, the median and its interval.

SVG by itself, in the ink of the page around it, so it is right in light and dark and needs no
script. The colours of data are those of the palette that keep their contrast on both.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from prefault_kit.measure import intervals
from prefault_kit.show import svg_image
from prefault_kit.show.palette import BLUE, GREEN, GREY, VERMILLION
from prefault_kit.show.printable import printable
from prefault_kit.show.svg_image import DIM
from prefault_kit.show.trial import ranked
from prefault_kit.show.units import format_ms, time_ticks
from prefault_kit.studies.trial import advice
from prefault_kit.studies.trial.advice import FASTER, NO_DIFFERENCE
from prefault_kit.studies.trial.candidates import NOTHING, TRACED
from prefault_kit.studies.trial.result import MEASURES, Run, Trial

WIDTH_PX, ROW_PX, AXIS_PX, TOP_PX = 860, 28, 44, 22
LETTER_PX = 8.2
"""About the width of a capital of 12 pixels."""
MOST_LABEL_LETTERS = 40
MOST_POINTS = 200
"""Of a row; of more runs every second, third, ... one."""
COLOURS = {FASTER: GREEN, "slower": VERMILLION, NO_DIFFERENCE: BLUE, "": BLUE}


@dataclass(frozen=True)
class Line:
    """A row of the picture; times in ms."""

    label: str
    times: tuple[float, ...]
    median: float
    interval: tuple[float, float] | None
    """Of the median, by the comparison with the program as it is; None where there is none."""
    colour: str


def lines(trial: Trial) -> list[Line]:
    """The rows that have times, in the order of the table, and those that were run again."""
    found = []
    for row in ranked(trial):
        ratio = None if row.name == NOTHING else advice.compared(trial, row)
        base = advice.base_of(trial, row)
        of_base = base.median(trial.measure) if base else None
        colour = GREY if row.name in (NOTHING, TRACED) else COLOURS[advice.words(ratio)]
        found.append(_line(row.name, row.runs, trial.measure, ratio, of_base, colour))
    for again in trial.again:
        ratio = advice.compared_again(trial, again)
        base_times = _times(again.base, trial.measure)
        of_base = statistics.median(base_times) if base_times else None
        colour = COLOURS[advice.words(ratio)]
        label = f"{again.name}, again"
        found.append(_line(label, again.runs, trial.measure, ratio, of_base, colour))
    return [each for each in found if each is not None]


def _times(runs: Sequence[Run], measure: str) -> tuple[float, ...]:
    times = [getattr(each, measure) for each in runs]
    return () if None in times else tuple(times)


def _line(
    label: str,
    runs: Sequence[Run],
    measure: str,
    ratio: intervals.Ratio | None,
    of_base: float | None,
    colour: str,
) -> Line | None:
    times = _times(runs, measure)
    if not times:
        return None
    interval = None
    if ratio is not None and of_base is not None and math.isfinite(ratio.high):
        interval = (ratio.low * of_base, ratio.high * of_base)
    return Line(label, times, statistics.median(times), interval, colour)


@dataclass(frozen=True)
class Picture:
    """The picture of a trial, for a notebook; its text is the medians."""

    trial: Trial

    def __repr__(self) -> str:
        drawn = lines(self.trial)
        head = f"{MEASURES[self.trial.measure]}, median"
        return "\n".join([head, *(f"{each.label}: {format_ms(each.median)}" for each in drawn)])

    def _repr_svg_(self) -> str | None:
        return svg_image.image(svg(self.trial), WIDTH_PX)


def caption(trial: Trial) -> str:
    """What can be seen in the picture, in sentences."""
    return (
        f"The {MEASURES[trial.measure]}, from 0 on: each point is a run, each stroke the median, "
        "each bar its 95% interval, by the comparison with the program as it is. Green is faster, "
        "red slower, blue no difference beyond noise; the dashed line is the program as it is."
    )


def svg(trial: Trial) -> str:
    """The picture as an ``svg`` element; empty where there are no times."""
    drawn = lines(trial)
    if not drawn:
        return ""
    labels = [_label(each.label) for each in drawn]
    left = round(max(map(len, labels)) * LETTER_PX) + 16
    highest = max(max(*each.times, *(each.interval or (0.0,))) for each in drawn)
    most = highest * 1.03 or 1.0
    height = TOP_PX + ROW_PX * len(drawn) + AXIS_PX

    def x(value: float) -> str:
        return f"{left + (WIDTH_PX - left - 24) * min(value, most) / most:.1f}"

    parts = [
        f'<svg viewBox="0 0 {WIDTH_PX} {height}" role="img" xmlns="http://www.w3.org/2000/svg" '
        'style="width: 100%; height: auto; font: 12px system-ui, sans-serif" '
        f'fill="currentColor"><title>{escape(caption(trial))}</title>'
    ]
    bottom = TOP_PX + ROW_PX * len(drawn)
    parts += [
        f'<line x1="{x(value)}" x2="{x(value)}" y1="{TOP_PX}" y2="{bottom}" '
        'stroke="currentColor" stroke-opacity="0.15"/>'
        f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="middle" opacity="{DIM}">'
        f"{words}</text>"
        for value, words in time_ticks(most)
    ]
    plain = next((each.median for each in drawn if each.label == NOTHING), None)
    if plain is not None:
        parts.append(
            f'<line x1="{x(plain)}" x2="{x(plain)}" y1="{TOP_PX - 4}" y2="{bottom}" '
            f'stroke="{GREY}" stroke-width="1.5" stroke-dasharray="5 4"/>'
            f'<text x="{x(plain)}" y="{TOP_PX - 9}" text-anchor="middle" opacity="{DIM}">'
            "as it is</text>"
        )
    for number, (line, label) in enumerate(zip(drawn, labels, strict=True)):
        parts.append(_drawn(line, label, left, TOP_PX + ROW_PX * number + ROW_PX / 2, x))
    parts.append(
        f'<text x="{WIDTH_PX - 24}" y="{bottom + 36}" text-anchor="end" opacity="{DIM}">'
        f"{MEASURES[trial.measure]}</text></svg>"
    )
    return "".join(parts)


def _label(text: str) -> str:
    clean = printable(text)
    if len(clean) <= MOST_LABEL_LETTERS:
        return clean
    return f"{clean[: MOST_LABEL_LETTERS - 3]}..."


def _drawn(line: Line, label: str, left: int, y: float, place: Callable[[float], str]) -> str:
    """One row; ``place`` gives the pixel of a time."""
    parts = [
        f'<g fill="{line.colour}"><text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end" '
        f'fill="currentColor">{escape(label)}</text>'
    ]
    if line.interval:
        low, high = (float(place(each)) for each in line.interval)
        parts.append(
            f'<rect x="{low:.1f}" y="{y - 8:.1f}" width="{max(1.0, high - low):.1f}" height="16" '
            'rx="2" fill-opacity="0.3"/>'
        )
    step = -(-len(line.times) // MOST_POINTS)
    parts += [
        f'<circle cx="{place(each)}" cy="{y:.1f}" r="3.2" fill-opacity="0.75"/>'
        for each in line.times[::step]
    ]
    parts.append(
        f'<line x1="{place(line.median)}" x2="{place(line.median)}" y1="{y - 9:.1f}" '
        f'y2="{y + 9:.1f}" stroke="{line.colour}" stroke-width="2.5"/>'
        f"<title>{escape(label)}: {format_ms(line.median)}</title></g>"
    )
    return "".join(parts)

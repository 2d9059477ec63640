"""Which kernel does one need? What one relies on is chosen, and the recorded kernels answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
import traitlets
from bokeh.models import Range1d

from prefault_kit.screens.options import Option
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import Cards, Page, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show import kernels as shown
from prefault_kit.show import plot
from prefault_kit.show.palette import BLUE, GREY, ORANGE, VERMILLION
from prefault_kit.studies.kernels import record, reliance
from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    HOLDS,
    NOT_TESTABLE,
    Record,
)
from prefault_kit.studies.kernels.reliance import RELIANCES, Answer

CHOSEN, DISAGREE, ALL = "what you rely on", "where kernels disagree", "all promises"
"""What the figure shows."""
AT_FIRST = ("populating", "an error, no SIGBUS", "the zero page", "whole folios")
ANY = "any"
SLOPE, LETTER_PX = 0.7, 6.2
"""How far the names of kernels are turned, and how wide a letter is."""
LOOKS = {
    HOLDS: (BLUE, " ", "holds"),
    EXPLAINED: (ORANGE, "right_diagonal_line", "otherwise, for a known reason"),
    NOT_TESTABLE: (GREY, "dot", "not testable there"),
    DIFFERS: (VERMILLION, "cross", "otherwise, unexplained"),
}
"""The colour, the hatch and the words of an outcome."""
TITLE = "Promises on kernels"


class TruthTable(traitlets.HasTraits):
    """What is chosen of the recorded kernels' answers."""

    relied = traitlets.Tuple()
    """Names in :data:`RELIANCES`."""
    file_system = traitlets.Unicode(ANY)
    shows = traitlets.Unicode(CHOSEN)

    def __init__(self, records: Sequence[Record]) -> None:
        if not records:
            raise ValueError("no kernel is recorded there: prefault-kit kernels run")
        self.records = list(records)
        super().__init__()
        self.relied = AT_FIRST

    @traitlets.validate("relied")
    def _known(self, proposal: traitlets.Bunch) -> tuple[str, ...]:
        """TraitError for what is not in :data:`RELIANCES`."""
        unknown = [name for name in proposal["value"] if name not in RELIANCES]
        if unknown:
            raise traitlets.TraitError(
                f"nothing is called {unknown[0]!r}; choose from {', '.join(RELIANCES)}"
            )
        return tuple(proposal["value"])

    @traitlets.validate("file_system")
    def _asked(self, proposal: traitlets.Bunch) -> str:
        """TraitError for a file system on which no kernel was asked."""
        if proposal["value"] not in self.file_systems:
            there = ", ".join(self.file_systems)
            raise traitlets.TraitError(
                f"no kernel was asked on {proposal['value']}, but on {there}"
            )
        return str(proposal["value"])

    @property
    def file_systems(self) -> list[str]:
        """Those on which the kernels were asked."""
        names = {name for each in self.records for name in each.file_systems}
        return [ANY, *sorted(names - {"tmpfs"})]

    def answers(self) -> list[Answer]:
        """On which kernels each chosen thing holds."""
        where = "" if self.file_system == ANY else self.file_system
        return [reliance.ask(RELIANCES[name], self.records, where) for name in self.relied]

    def promises(self) -> list[str]:
        """The ids that the figure shows, from the top."""
        rows = record.table(self.records)
        if self.shows == ALL:
            return [name for name, _ in rows]
        if self.shows == DISAGREE:
            return [name for name, outcomes in rows if shown.disagree(outcomes)]
        wanted = {name for each in self.relied for name in RELIANCES[each].promises}
        return [name for name, _ in rows if name in wanted]

    def verdict(self) -> str:
        """From which kernel all that is chosen holds, in a sentence."""
        answers = self.answers()
        if not answers:
            return "Choose what your program relies on."
        never = [each.reliance.name for each in answers if each.since is None]
        if never:
            return f"Not on every recent kernel: {', '.join(never)}."
        names = [each.name for each in self.records]
        last = max((each.since or "" for each in answers), key=names.index)
        newer = set(names[names.index(last) :])
        silent = {name for each in answers for name in each.where(NOT_TESTABLE)} & newer
        if silent:
            told = ", ".join(name for name in names if name in silent)
            return (
                f"All of it holds from Linux {last} on, as far as it could be shown: not on {told}."
            )
        return f"All of it holds on Linux {last} and on every newer one that is recorded here."


class Figure:
    """Kernels across, promises down; each cell says on hovering what was expected and seen."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._x, self._y = Range1d(-0.5, len(records) - 0.5), Range1d(0.5, -0.5)
        self.figure = plot.bare(self._x, self._y, x_axis_location="above")
        self.figure.xaxis.major_label_orientation = SLOPE
        longest = max(len(each.name) for each in records)
        self._heads_px = round(longest * LETTER_PX * math.sin(SLOPE))
        self.figure.grid.visible = False
        plot.NamedTicks(self.figure.xaxis[0]).name([each.name for each in records])
        self._ticks = plot.NamedTicks(self.figure.yaxis[0])
        self.cells = plot.source("x", "y", "color", "hatch", "alpha", "tip")
        glyphs = self.figure.rect(
            "x", "y", 0.94, 0.86, source=self.cells, fill_color="color", line_color=None,
            fill_alpha="alpha", hatch_pattern="hatch", **plot.HATCH,
        )  # fmt: skip
        plot.hover(self.figure, glyphs)
        plot.follow_theme(self.figure)

    def show(self, promises: Sequence[str]) -> None:
        """Draw these, from the top."""
        found = shown.cells(self._records, promises)
        names = [each.name for each in self._records]
        looks = [LOOKS[outcome] for outcome in found["outcome"]]
        self._y.start = len(promises) - 0.5
        self.figure.height = plot.MARGIN_PX + self._heads_px + plot.ROW_PX * len(promises)
        self._ticks.name(promises)
        plot.fill(
            self.cells,
            x=[names.index(name) for name in found["kernel"]],
            y=[promises.index(name) for name in found["promise"]],
            color=[color for color, _, _ in looks],
            hatch=[hatch for _, hatch, _ in looks],
            alpha=[0.35 if outcome == NOT_TESTABLE else 1.0 for outcome in found["outcome"]],
            tip=found["tip"],
        )


class TruthTableView:
    """The widgets; ``page`` is the one to display."""

    def __init__(self, model: TruthTable) -> None:
        self.model = model
        self._syncing = False
        self.relied = {name: self._toggle(name) for name in RELIANCES}
        self.file_system = Chips(tips=lambda name: f"Files on {name} file system")
        self.shows = Chips()
        self.verdict, self.table = widgets.HTML(), widgets.HTML()
        self.figure = Figure(model.records)
        self.cards = Cards({TITLE: self.figure.figure})
        self.page = Page("table of kernels")
        chosen = widgets.HBox(list(self.relied.values()))
        chosen.add_class("prefault-chips")
        self.file_system.offer([Option(name) for name in model.file_systems])
        self.shows.offer([Option(name) for name in (CHOSEN, DISAGREE, ALL)])
        for name in ("file_system", "shows"):
            traitlets.link((model, name), (getattr(self, name), "value"))
        self.page.children = (
            widgets.HTML(CSS),
            parts.panel(
                "What does your program rely on?",
                chosen,
                parts.row("Files on", self.file_system),
                self.verdict,
                self.table,
                parts.row("Show", self.shows),
            ),
            self.cards.box,
            self.cards.redraw,
        )
        set_html(self.cards.heads[TITLE], text.card(TITLE, "", *map(entry, LOOKS.values())))
        model.observe(self._update, names=["relied", "file_system", "shows"])
        self._update()

    def _toggle(self, name: str) -> widgets.ToggleButton:
        made = widgets.ToggleButton(
            description=name, tooltip=RELIANCES[name].text, value=name in self.model.relied
        )
        made.observe(lambda _: self._chosen(), names="value")
        return made

    def _chosen(self) -> None:
        if not self._syncing:
            self.model.relied = tuple(name for name, each in self.relied.items() if each.value)

    def _update(self, _: object = None) -> None:
        self._syncing = True
        for name, each in self.relied.items():
            each.value = name in self.model.relied
        self._syncing = False
        with self.cards.together():
            self.figure.show(self.model.promises())
        set_html(self.verdict, f'<div role="status"><b>{escape(self.model.verdict())}</b></div>')
        set_html(self.table, _table(self.model.answers()))


def _table(answers: Sequence[Answer]) -> str:
    rows = "".join(
        f"<tr>{''.join(map(text.cell, cells))}</tr>" for cells in shown.reliance_rows(answers)
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in shown.RELIANCE_HEADS)
    return (
        '<div class="prefault-scroll"><table class="prefault-table prefault-words">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def entry(look: tuple[str, str, str]) -> str:
    """An outcome's line of the legend."""
    color, hatch, words = look
    alpha = 0.35 if hatch == "dot" else 1.0
    return text.entry(f'<rect width="18" height="12" fill="{color}" opacity="{alpha}"/>', words)


def truth_table(records: Sequence[Record]) -> TruthTable:
    """Show recorded kernels in a notebook; returns the model, for scripts. ValueError without
    records."""
    model = TruthTable(records)
    parts.show(lambda: TruthTableView(model).page)
    return model

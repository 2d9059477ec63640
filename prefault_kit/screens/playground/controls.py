"""The playground's controls: which memory, and what is done to the chosen pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

from prefault_kit.screens.options import Option, Problem
from prefault_kit.screens.playground.maps import CLICKS, Maps
from prefault_kit.screens.playground.model import KINDS, SIZES, Playground
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import button, hide, set_html
from prefault_kit.studies.playground.ground import CHILD, CONTENTS, PARENT
from prefault_kit.studies.playground.operations import GROUPS, OPERATIONS

TIPS = {
    "anon huge": "Anonymous memory of hugetlb pages",
    "memfd huge": "A memfd of hugetlb pages",
    "file": "A file on disk",
    "empty": "One hole",
    "data": "Written, in the page cache and on the disk",
    PARENT: "The next step is the parent's",
    CHILD: "The next step is the child's",
    **text.MEMORY_TIPS,
}


def keep_equal(model: Playground, name: str, widget: Any) -> None:
    """Keep a trait and a widget's value equal."""
    widget.value = getattr(model, name)
    widget.observe(lambda change: model.set_trait(name, change["new"]), "value")
    model.observe(lambda change: widget.set_trait("value", change["new"]), name)


def _tip(word: str) -> str:
    return TIPS.get(word, f"{word} pages")


class Memory:
    """Which memory; ``box`` is what to display."""

    def __init__(self, model: Playground) -> None:
        self.model = model
        self.chosen = {name: Chips(tips=_tip) for name in ("kind", "sharing", "content")}
        for name, values in (("kind", KINDS), ("sharing", ("private", "shared"))):
            self.chosen[name].offer([Option(each) for each in values])
        self.chosen["content"].offer([Option(each) for each in CONTENTS])
        self.pages = Chips(tips=_tip)
        self.pages.offer([Option(each) for each in SIZES])
        self.thp = widgets.Checkbox(description="let there be huge pages", indent=False)
        self.directory = widgets.Text(description="Directory", continuous_update=False)
        self.directory.add_class("prefault-long")
        self.directory.placeholder = text.DIRECTORY_HINTS["file"]
        self.problem = widgets.HTML()
        self.content = parts.row("Content", self.chosen["content"])
        self.box = parts.panel(
            "Memory",
            parts.row("Backing", self.chosen["kind"]),
            self.directory,
            parts.row("Sharing", self.chosen["sharing"]),
            parts.row("Pages", self.pages),
            parts.row("THP", self.thp),
            self.content,
            self.problem,
        )
        for name, chips in self.chosen.items():
            keep_equal(model, name, chips)
        keep_equal(model, "thp", self.thp)
        keep_equal(model, "directory", self.directory)
        self.pages.value = str(model.pages)
        self.pages.observe(lambda change: model.set_trait("pages", int(change["new"])), "value")
        model.observe(lambda _: self.pages.set_trait("value", str(model.pages)), "pages")

    def draw(self) -> None:
        """Show what fits the memory, and why there is none."""
        model = self.model
        hide(self.content, model.kind not in ("memfd", "tmpfs", "file"))
        hide(self.directory, model.kind != "file")
        missing = Problem(model.status, model.command) if model.playing is None else None
        set_html(self.problem, text.problem(missing))


class Buttons:
    """A button for each of some operations, and why some of them cannot be pressed."""

    def __init__(self, model: Playground, names: Iterable[str]) -> None:
        self.model = model
        self.of = {name: self._button(name) for name in names}
        self.refused = widgets.HTML()

    def _button(self, name: str) -> widgets.Button:
        made = button(name.removeprefix("MADV_"), OPERATIONS[name].tip)
        made.on_click(lambda _: self.model.do(name))
        return made

    def row(self, names: Iterable[str]) -> widgets.HBox:
        """Some of them, side by side."""
        box = widgets.HBox([self.of[name] for name in names])
        box.add_class("prefault-chips")
        return box

    def draw(self) -> None:
        """Grey out what cannot be done here, with its reason."""
        offer = {name: each for name, each in self.model.offer().items() if name in self.of}
        for name, option in offer.items():
            self.of[name].disabled = option.reason is not None
            tips = filter(None, (OPERATIONS[name].tip, option.reason))
            self.of[name].tooltip = ". ".join(tips)
        set_html(self.refused, text.refused({"": list(offer.values())}, lead="Greyed out:"))


class Operations:
    """What is done to the chosen pages; ``box`` is what to display."""

    def __init__(self, model: Playground, maps: Maps) -> None:
        self.model = model
        self.click = Chips(names=CLICKS, tips=lambda name: f"A click {CLICKS[name]}")
        self.click.offer([Option(each) for each in CLICKS])
        self.click.observe(lambda change: setattr(maps, "click", change["new"]), "value")
        self.click.value = maps.click
        self.first = widgets.BoundedIntText(description="First page", min=0, max=model.pages)
        self.count = widgets.BoundedIntText(description="Pages", min=1, max=model.pages)
        for name in ("first", "count"):
            keep_equal(model, name, getattr(self, name))
            getattr(self, name).add_class("prefault-short")
        self.process = Chips(tips=_tip)
        self.process.offer([Option(PARENT), Option(CHILD)])
        keep_equal(model, "process", self.process)
        self.buttons = Buttons(model, OPERATIONS)
        self.who = parts.row("Done by", self.process)
        pair = widgets.HBox([self.first, self.count, maps.all])
        pair.add_class("prefault-pair")
        self.box = parts.panel(
            "What to do to the chosen pages",
            parts.row("A click", self.click),
            pair,
            self.who,
            *(
                parts.row(
                    group,
                    self.buttons.row(
                        name for name, each in OPERATIONS.items() if each.group == group
                    ),
                )
                for group in GROUPS
            ),
            self.buttons.refused,
        )

    def draw(self) -> None:
        """Offer what fits the memory and its processes."""
        self.buttons.draw()
        hide(self.who, self.model.strips(CHILD) is None)
        self.first.max, self.count.max = self.model.pages - 1, self.model.pages

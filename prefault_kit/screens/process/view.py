"""A process on the screen: widgets linked to a model."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from prefault_kit.memory.buffer import AnyBuffer
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.process import figures
from prefault_kit.screens.process.model import ProcessScreen
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.parts import Cards, Page, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show import process as show
from prefault_kit.show import process_export
from prefault_kit.show.page_map import COLOURS
from prefault_kit.show.sentences import sentence
from prefault_kit.studies.process import Diagnosis, Overview, candidates

WELCOME = (
    "Choose a process of yours, and press <b>Look</b>: its mappings to scale, and what is amiss. "
    "<b>Watch</b> follows it, with its page faults as they happen. Nothing of it is changed."
)
MAP_WORDS = ("not present", "zero page", "anonymous", "of the file", "huge", "swapped")


@dataclass(frozen=True)
class ProcessView:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    process: widgets.Dropdown
    refresh: widgets.Button
    look: widgets.Button
    watch: widgets.Button
    stop: widgets.Button
    path: widgets.Text
    export: widgets.Button
    status: widgets.HTML
    diagnosis: widgets.HTML
    table: widgets.HTML
    sizes: figures.Sizes
    stream: figures.Stream
    pages: figures.Pages
    cards: Cards


def your_process(
    pid: int | None = None,
    model: ProcessScreen | None = None,
    *,
    memory: AnyBuffer | None = None,
) -> ProcessScreen:
    """Show a process in a notebook, a chosen one at once; returns the model, for scripts.

    ``memory`` is a buffer of the notebook's: an array, an mmap, a tensor. Then the notebook's own
    process is shown, and the pages of the mapping in which the buffer lies. ValueError with a
    ``pid`` beside it, and for a buffer that has no memory here; TypeError for what is no buffer.
    """
    if memory is not None and pid is not None:
        raise ValueError("a buffer lies in this process: give a pid or memory, not both")
    model = model or ProcessScreen(pid)
    if memory is not None:
        model.choose_memory(memory)
    parts.show(lambda: view(model).page)
    return model


def view(model: ProcessScreen) -> ProcessView:
    """Make the widgets of a model and link them."""
    sizes, stream, pages = figures.Sizes(model.choose), figures.Stream(), figures.Pages()
    process = widgets.Dropdown(description="Process")
    process.add_class("prefault-long")
    made = ProcessView(
        page=Page("view of a process"),
        process=process,
        refresh=parts.button("Refresh", "Find the processes anew"),
        look=parts.button("Look", "Look at the process once", "prefault-primary"),
        watch=parts.button("Watch", "Follow the process, and its page faults as they happen"),
        stop=parts.button("Stop", "Stop following; the process goes on", "prefault-stop"),
        path=widgets.Text(_free_path(), description="Export as", continuous_update=False),
        export=parts.button("Export", "Write a page that opens offline, and its JSON beside it"),
        status=widgets.HTML(),
        diagnosis=widgets.HTML(),
        table=widgets.HTML(),
        sizes=sizes,
        stream=stream,
        pages=pages,
        cards=Cards({each.TITLE: each.figure for each in (sizes, stream, pages)}),
    )
    made.page.children = (
        widgets.HTML(CSS),
        parts.panel("Process", widgets.HBox([process, made.refresh])),
        parts.actions(made.look, made.watch, made.stop, made.path, made.export),
        made.status,
        made.diagnosis,
        made.cards.box,
        made.cards.redraw,
        made.table,
    )
    _link(model, made)
    return made


def _free_path() -> str:
    return parts.free_path("process", process_export.files)


def _link(model: ProcessScreen, made: ProcessView) -> None:

    def export(_: object) -> None:
        if model.export(made.path.value):
            made.path.value = _free_path()

    made.refresh.on_click(lambda _: model.refresh())
    made.look.on_click(lambda _: model.look())
    made.watch.on_click(lambda _: model.watch())
    made.stop.on_click(lambda _: model.stop())
    made.export.on_click(export)

    syncing = threading.Event()

    def offer(_: object = None) -> None:
        options = [("choose ...", 0), *((_choice(each), each.pid) for each in model.choices)]
        if model.pid and model.pid not in [pid for _, pid in options]:
            try:
                options.append((_choice(candidates.of(model.pid)), model.pid))
            except OSError:  # there is none, or none any more
                options.append((f"{model.pid}", model.pid))
        syncing.set()  # new options choose the first one for a moment
        made.process.options = options
        made.process.value = model.pid
        syncing.clear()

    def chosen(change: Any) -> None:
        if not syncing.is_set() and change["new"] != model.pid:
            model.pid = change["new"]
            if model.pid:
                model.look()

    def say(_: object = None) -> None:
        made.look.disabled = made.watch.disabled = model.watching
        made.stop.disabled = not model.watching
        status = f"Watching. {model.status}" if model.watching else model.status
        made.status.value = text.status(
            status, model.command, running=model.watching, failed=model.failed
        )

    def draw(_: object = None) -> None:
        seen = model.overview
        made.export.disabled = seen is None
        with made.cards.together():
            made.sizes.update(seen, model.address)
            made.stream.update(seen, list(model.faults), time.monotonic())
            made.pages.update(model.page_map)
        for title, head in heads(model).items():
            set_html(made.cards.heads[title], head)
        for title, card in made.cards.cards.items():
            hidden = seen is None or (title == figures.Stream.TITLE and not _streams(model))
            parts.hide(card, hidden)
        set_html(made.diagnosis, about(seen, model.diagnoses) if seen else _welcome())
        set_html(made.table, table(seen) if seen else "")

    made.process.observe(chosen, names="value")
    model.observe(offer, names=["choices", "pid"])
    model.observe(say, names=["status", "failed", "command", "watching"])
    model.observe(draw, names=["changed", "address", "watching"])
    offer()
    say()
    draw()


def _streams(model: ProcessScreen) -> bool:
    return model.watching or bool(model.faults)


def _welcome() -> str:
    return f'<div class="prefault-summary">{WELCOME}</div>'


def _choice(each: Any) -> str:
    own = " (this notebook)" if each.pid == os.getpid() else ""
    return f"{show.printable(each.command)} {each.pid}, {format_bytes(each.resident_bytes)}{own}"


def heads(model: ProcessScreen) -> dict[str, str]:
    """The titles of the charts, each with its legend."""
    lost = f"{model.lost:,} more had no room; " if model.lost else ""
    return {
        figures.Sizes.TITLE: text.card(
            figures.Sizes.TITLE, "click a bar to see its pages", *_entries(figures.PARTS)
        ),
        figures.Stream.TITLE: text.card(
            figures.Stream.TITLE, lost + model.blind, *_entries(figures.FAULTS)
        ),
        figures.Pages.TITLE: text.card(
            figures.Pages.TITLE,
            figures.legend_of(model.page_map),
            *_entries({word: COLOURS[word] for word in MAP_WORDS}),
        ),
    }


def _entries(colours: dict[str, str]) -> list[str]:
    return [
        text.entry(f'<rect width="18" height="12" fill="{color}"/>', name)
        for name, color in colours.items()
    ]


def about(seen: Overview, diagnoses: tuple[Diagnosis, ...]) -> str:
    """Which process it is, what is amiss, and what looking cost."""
    lines = "".join(
        f"<li><b>{escape(each.level)}</b>: {escape(sentence(show.printable_long(each.sentence)))}"
        f"{_help(each.help)}</li>"
        for each in diagnoses
    )
    found = f"<ul>{lines}</ul>" if lines else "<p>Nothing is amiss, as far as is known.</p>"
    missing = "".join(text.note(f"Not known: {each}") for each in seen.missing)
    return (
        f'<div class="prefault-summary"><b>{escape(show.title(seen))}</b>: '
        f"{escape(show.totals(seen))}.{found}</div>{missing}"
        f"{text.note(sentence(show.cost(seen)))}"
    )


def _help(words: str | None) -> str:
    if not words:
        return ""
    parts = [
        f"<code>{escape(part)}</code>" if is_code else escape(part)
        for part, is_code in show.help_parts(show.printable_long(words))
    ]
    return f" What helps: {''.join(parts)}."


def table(seen: Overview) -> str:
    """The mappings with the most memory, as text; the name comes first."""
    rows = show.rows(seen)
    *others, name = show.telling(rows)
    told = [name, *others]
    heads = "".join(f'<th scope="col"{_left(at)}>{escape(show.COLUMNS[at])}</th>' for at in told)
    lines = "".join(
        f"<tr>{''.join(f'<td{_left(at)}>{escape(cells[at])}</td>' for at in told)}</tr>"
        for cells in rows
    )
    return (
        '<div class="prefault-scroll"><table class="prefault-table"><thead>'
        f"<tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _left(column: int) -> str:
    """Where the words of a column stand; figures stand at the right."""
    return "" if show.COLUMNS[column] in show.NUMBERS else ' class="prefault-left"'

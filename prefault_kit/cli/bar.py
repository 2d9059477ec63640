"""A progress bar on stderr; none where stderr is not a terminal.

With ``PREFAULT_BAR=lines`` in the environment it is lines instead, for who follows from elsewhere:
another process, or the console of a guest.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from prefault_kit.cli.follower import following

SPEED_PERIOD_S = 900.0
"""The window over which speed is averaged for the estimate: several kinds of cells long."""

STEPS = 1_000_000
"""The whole bar."""
LINES = "PREFAULT_BAR"
MARK = "PREFAULT_STEP"
"""What a line of a bar begins with."""


@contextlib.contextmanager
def bar(title: str, *, wanted: bool) -> Iterator[Callable[[float, str], None]]:
    """Show a bar until the block ends; yields what moves it: the part done, 0 to 1, and words."""
    if follower := following():
        yield follower.move
        return
    if os.environ.get(LINES) == "lines":
        yield lambda part, words: print(f"{MARK} {part:.3f} {words}", file=sys.stderr, flush=True)
        return
    if not wanted or not sys.stderr.isatty():
        yield lambda part, words: None
        return
    progress = _progress()
    task: TaskID | None = None

    def move(part: float, words: str) -> None:
        nonlocal task
        if task is None:  # what a resumed run finds done is no measure of its speed
            progress.remove_task(waiting)
            task = progress.add_task(words, total=STEPS, completed=round(part * STEPS))
        progress.update(task, completed=part * STEPS, description=words)

    with progress:
        waiting = progress.add_task(title, total=None)
        yield move


@contextlib.contextmanager
def bars(*, wanted: bool) -> Iterator[Callable[[str, float | None, str], None]]:
    """Show a bar for each of several; yields what moves one by its name: the part done, and words.

    A part of None takes the bar away, and leaves the words if there are any.
    """
    if not wanted or not sys.stderr.isatty():
        lines = os.environ.get(LINES) == "lines"
        yield (
            lambda name, part, words: (
                print(f"{name}: {words}", file=sys.stderr, flush=True) if lines and words else None
            )
        )
        return
    progress = _progress()
    tasks: dict[str, TaskID] = {}

    def move(name: str, part: float | None, words: str) -> None:
        said = f"{name}: {words}"
        if part is None:
            if name in tasks:
                progress.remove_task(tasks.pop(name))
            if words:
                progress.console.print(said, markup=False)
            return
        if name not in tasks:
            tasks[name] = progress.add_task(said, total=STEPS, completed=round(part * STEPS))
        progress.update(tasks[name], completed=part * STEPS, description=said)

    with progress:
        yield move


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False, emoji=False),
        transient=True,
        speed_estimate_period=SPEED_PERIOD_S,
    )


def heard(line: str) -> tuple[float, str] | None:
    """The part done and the words of a line that a bar wrote; None of any other line."""
    mark, _, rest = line.partition(" ")
    part, _, words = rest.partition(" ")
    return (float(part), words) if mark == MARK else None

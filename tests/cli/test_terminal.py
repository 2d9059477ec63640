"""What commands print for people."""

import pytest
from rich.console import Console

from prefault_kit.cli import terminal
from prefault_kit.show import review, trial
from tests.cli.command import (
    prefault,
)


def test_run_tells_people_all_of_it() -> None:
    """The table has times, the three views, faults, and with --follow-up what comes later."""
    arguments = ("--backing", "memfd", "--sharing", "shared", "--method", "POPULATE_READ")
    done = prefault("run", *arguments, "--follow-up")
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "POPULATE_READ: shared Memfd", "2 MiB, start empty", "best of 10", "median", "warm-up",
        "private dirty", "present", "cached", "minor", "after", "sync", "never counted as dirty",
    ):  # fmt: skip
        assert word in done.stdout


@pytest.mark.parametrize(
    ("heads", "less", "name"),
    [
        (review.SHORT, review.SHORTEST, "candidate"),
        (trial.SHORT, trial.SHORTEST, ""),
        (trial.WATCHED_COLUMNS, trial.WATCHED_SHORTEST, "watched"),
    ],
)
def test_no_figure_is_cut_off(heads: tuple[str, ...], less: tuple[str, ...], name: str) -> None:
    """A terminal of 80 columns has fewer of them, one of 160 has all."""
    row = ["HUGEPAGE+POPULATE_WRITE" if head == name else "9,999 ms" for head in heads]
    for width, shown in ((80, len(less) - 1), (160, len(heads) - 1)):
        console = Console(width=width, no_color=True)
        with console.capture() as printed:
            console.print(terminal.figures(console, heads, [row], less=less, names=(name,)))
        assert printed.get().count("9,999 ms") == shown
        assert "HUGEPAGE+POPULATE_WRITE" in printed.get()

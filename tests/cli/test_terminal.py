"""What commands print for people."""

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

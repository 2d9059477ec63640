"""prefault_kit.studies.trial.command: the command line of a plan."""

from prefault_kit.studies.trial import Choice, Plan, Ready, Setting
from prefault_kit.studies.trial.command import words

FULL = Plan(
    ("a b", "-c", "x"),
    Choice(1 << 21, 1 << 22, ("memfd", "heap"), "*.bin", "writable"),
    only_group=2,
    candidates=("HUGEPAGE", "drop MAP_POPULATE"),
    variants={"flag": ("a b", "--it's")},
    repeats=7,
    start="cold",
    evicted=("/data/x",),
    memory_limit_bytes=1 << 30,
    io_limit_bytes=1 << 26,
    measure="load_ms",
    setting=Setting(Ready(port=80), ("curl", "a b"), "/in", 1.5, 1 << 28),
)


def test_every_option_is_said() -> None:
    """Each field of a plan that differs from the usual."""
    said = words(FULL)
    options = [each for each in said if each.startswith("--")]
    assert set(options) == {
        "--min-size", "--max-size", "--kind", "--path", "--mapping", "--at", "--only", "--variant",
        "--port", "--load", "--by", "--repeats", "--start", "--file", "--memory-limit",
        "--io-limit", "--budget", "--stdin", "--timeout",
    }  # fmt: skip
    assert len(said) == 2 * len(options)
    assert said[said.index("--variant") :][:2] == ("--variant", "flag='a b' '--it'\"'\"'s'")
    assert said[said.index("--timeout") + 1] == "1.5"


def test_nothing_is_said_of_the_usual() -> None:
    """A ready pattern is."""
    assert words(Plan(("true",))) == ()
    assert words(Plan(("true",), setting=Setting(Ready("up")))) == ("--ready", "up")

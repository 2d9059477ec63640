"""prefault_kit.show.tables: cases from the field."""

from prefault_kit import Work
from prefault_kit.host import Unavailable
from prefault_kit.measure.contest import Contest, Entry
from prefault_kit.show import tables
from prefault_kit.studies.field import Case, Found, Way
from prefault_kit.studies.field.claims import Ratio, Seen, Share

CASE = Case(
    id="id",
    who="Somebody",
    what="a program",
    when="May 2021",
    title="A title",
    sources=(),
    question="",
    ways=(Way("slow", ()), Way("quick", (), over="slow")),
    claims=(
        Ratio("it is quicker", "quick", "slow", high=0.9),
        Share("all is there", "quick", "pages", 1, 1),
        Share("half is there", "slow", "pages", 0, 0.5, reason="the kernel is newer"),
    ),
    looks=("pages",),
)
WORKS = {"slow": (4, 2, 3), "quick": (1, 1, 5)}
CONTEST = Contest(
    {
        name: Entry(tuple(Work(elapsed_ns=ms * 1_000_000) for ms in times), None)
        for name, times in WORKS.items()
    }
)
FOUND = Found(
    CASE, CONTEST, {"slow": {"pages": Seen(9, 10)}, "quick": {"pages": Seen(1000, 1000)}}, {}
)
LACKING = Found(CASE, Contest({}), {}, {}, Unavailable("it is not here"))


def test_the_table_has_times_counts_and_what_was_claimed_of_times() -> None:
    """A way is compared with the one that its row names."""
    text = repr(tables.field(FOUND))
    assert "| way | pages | best | median | compared |" in text
    assert "| slow | 9 of 10 | 2.00 ms | 3.00 ms |  |" in text
    assert "| quick | 1,000 of 1,000 | 1.00 ms | 1.00 ms | 0.50 times *slow* |" in text
    assert "| it is quicker | quick | at most 0.9 times as long | 0.50 times | holds |" in text
    assert "all is there" not in text


def test_counts_are_a_table_that_each_run_repeats() -> None:
    """Without times; a known difference has its reason."""
    text = repr(tables.field_counts(FOUND))
    assert "| all is there | quick | all | all | holds |" in text
    assert "| half is there | slow | at most 50% | 90% | differs: the kernel is newer |" in text
    assert "it is quicker" not in text


def test_a_case_is_a_row_of_the_summary() -> None:
    """A difference comes before what holds; what was not tried says why."""
    assert repr(tables.field_summary([FOUND, LACKING])).splitlines()[2:] == [
        "| Somebody | a program | May 2021 | differs: the kernel is newer |",
        "| Somebody | a program | May 2021 | not-testable: it is not here |",
    ]
    assert repr(tables.field(LACKING)) == "not testable here: it is not here"

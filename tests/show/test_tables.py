"""prefault_kit.show.tables: each kind of result as a table."""

import re
from pathlib import Path

from prefault_kit import Backing, Work
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.contention import Wait
from prefault_kit.measure.contest import Contest, Entry
from prefault_kit.show import tables
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.conclusions import CLAIMS, judge
from prefault_kit.studies.qemu import Lap
from prefault_kit.studies.review import Weights, Workload, policies
from prefault_kit.studies.review.candidates import DETOUR
from prefault_kit.studies.review.policies import READ, WRITE
from prefault_kit.studies.snapshots import Cost, Costs
from tests.studies.review.made import candidate, review

PAGES = 256
RUN = Path(__file__).parents[2] / "data" / "runs" / "linux-6.18-amd-epyc-2cpu.csv"


def test_a_contest_compares_with_the_first() -> None:
    """Best, median, and the ratio of best times."""
    times_ms = {"slow": (4, 2, 3), "quick": (1, 1, 5)}
    found = Contest(
        {
            name: Entry(tuple(Work(elapsed_ns=each * 1_000_000) for each in times), None)
            for name, times in times_ms.items()
        }
    )
    text = repr(tables.contest(found))
    assert text.splitlines()[0] == "| way | best | median | over slow |"
    assert "| slow | 2.00 ms | 3.00 ms | 1.00 |" in text
    assert "| quick | 1.00 ms | 1.00 ms | 0.50 |" in text


def test_who_waits_is_a_row_a_way() -> None:
    """Alone, beside the neighbour, and what the neighbour met."""
    wait = Wait(
        elapsed_ms=2.0, cpu_ms=1.0, waits=2, beside_ms=3.0, beside_waits=4, mmap_us=2.5,
        worst_mmap_us=30.0,
    )  # fmt: skip
    text = repr(tables.contention({"touch": wait}))
    assert "| touch | 2.0 | 1.0 | 2 | 3.0 | 4 | 2.5 | 30 |" in text


def test_preparing_a_snapshot_has_its_costs() -> None:
    """What a way does not do or take is a dash; the size stands above the ways."""
    ways = {
        "POPULATE_WRITE": Cost(3.0, 1.0, 16 << 20, 32 << 10),
        "WP_UNPOPULATED": Cost(0.0, 2.0, 0, 32 << 10),
    }
    text = repr(tables.snapshot_costs(Costs(16 << 20, ways)))
    assert text.startswith("| 16 MiB | populating | protecting | together |")
    assert "| POPULATE_WRITE | 3.00 ms | 1.00 ms | 4.00 ms | 16 MiB | 32 KiB |" in text
    assert "| WP_UNPOPULATED | - | 2.00 ms | 2.00 ms | - | 32 KiB |" in text


def test_laps_of_qemu_are_told() -> None:
    """The table has minimum, median and both ratios."""
    size = 16 << 20
    laps = [Lap("ram", 1, size, n, 10.0 * n, 5.0 * n, size, size) for n in (1, 2, 3)]
    assert (
        "| memory-backend-ram | 1 | 16 MiB | 10.0 ms | 20.0 ms | 5.00 ms | 10.0 ms | 0.50 "
        "| 0.50 (0.50 to 0.50) |"
    ) in repr(tables.race(laps))


def test_the_recorded_run_judges_every_claim() -> None:
    """The committed run has every cell that the claims want, at both sizes."""
    recorded = table_file.read(RUN)
    for claim in CLAIMS:
        text = repr(tables.judgement(judge(claim, [2 << 20, 4 << 30], {"recorded": recorded})))
        table = [line for line in text.splitlines() if line.startswith("| ")][1:]
        assert len(table) == len(claim.memories)
        for line in table:
            assert len(re.findall("agrees|within noise", line)) == 4, line


def test_what_is_left_is_counted(tmp_path: Path) -> None:
    """A file: WRITE dirties all of it; anonymous memory: READ takes none."""
    other = {"size_bytes": PAGES * PAGE, "write": 0.25, "repeats": 2}
    found = {
        "file": policies.compare(Workload(Backing.file(tmp_path), content="small-chunks", **other)),
        "anon": policies.compare(Workload(Backing.anon(), sharing="private", **other)),
    }
    text = repr(tables.left(found))
    all_, some, none = f"{PAGES}", f"{PAGES // 4}", "0"
    assert f"| file | dirty pages | {none} | {all_} | {all_} | {none} | {none} |" in text
    assert f"| file | faults to come | {some} | {none} | {none} | {some} | {some} |" in text
    assert f"| anon | pages of memory | {none} | {all_} | {all_} | {all_} | {none} |" in text
    assert "anon | dirty" not in text


def test_the_loss_is_told_against_the_better_one() -> None:
    """Who chooses the better one loses nothing; by the weights of the case."""
    made = review(
        candidate(READ, 5.0, 5.0, prefault_ms=1.0),
        candidate(WRITE, 1.0, 1.0, prefault_ms=9.0),
        candidate(DETOUR.name, 5.0, 5.0, prefault_ms=3.0),
    )
    text = repr(tables.lost({"case": made}, {"case": Weights()}))
    assert "| case | READ, 6.00 ms | 1.67 times (1.67 to 1.67) | the same |" in text
    text = repr(tables.lost({"case": made}, {"case": Weights(startup=0)}))
    assert "| case | WRITE, 1.00 ms | the same | 5.00 times" in text

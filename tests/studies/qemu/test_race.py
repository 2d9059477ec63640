"""prefault_kit.studies.qemu.race: QEMU and the kit preallocate the same, turn by turn."""

from pathlib import Path

import pytest

from prefault_kit.studies import qemu
from prefault_kit.studies.qemu import KINDS, Lap, QemuError

SIZE = 16 << 20
LAPS = Path(__file__).parents[3] / "data/runs/qemu-7.2-linux-6.18-amd-epyc-2cpu.jsonl"


@pytest.mark.needs("qemu")
def test_a_race_has_a_lap_for_each_case(tmp_path: Path) -> None:
    """Both had all of it, each time; the warm-up is told and not kept."""
    told: list[Lap] = []
    laps = qemu.race(size_bytes=SIZE, repeats=2, directory=str(tmp_path), on_lap=told.append)
    assert len(told) == 3 * len(KINDS) * 2
    assert len(laps) == 2 * len(KINDS) * 2
    assert {(lap.qemu_rss_bytes, lap.kit_rss_bytes) for lap in laps} == {(SIZE, SIZE)}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("qemu")
def test_without_room_nothing_is_started() -> None:
    """Memory is checked first."""
    with pytest.raises(QemuError, match="memory"):
        qemu.race(("ram",), size_bytes=1 << 50)


def test_laps_are_kept(tmp_path: Path) -> None:
    """As they were, in a file that was not there."""
    laps = [Lap("ram", 1, SIZE, n, 10.0 * n, 5.0 * n, SIZE, SIZE) for n in (1, 2, 3)]
    qemu.save(laps, tmp_path / "laps")
    assert qemu.read(tmp_path / "laps") == laps
    with pytest.raises(FileExistsError):
        qemu.save(laps, tmp_path / "laps")


def test_the_recorded_laps_can_be_read() -> None:
    """Each kind, one and two threads, and all of it was there."""
    laps = qemu.read(LAPS)
    assert {(lap.kind, lap.threads) for lap in laps} == {(k, n) for k in KINDS for n in (1, 2)}
    assert all(lap.qemu_rss_bytes == lap.kit_rss_bytes == lap.size_bytes for lap in laps)


def test_a_ratio_is_of_the_best_times() -> None:
    """Of one kind of memory, by the number of threads."""
    times = [
        ("ram", 1, 10.0, 5.0),
        ("ram", 1, 8.0, 6.0),
        ("ram", 2, 4.0, 4.0),
        ("file", 1, 9.0, 1.0),
    ]
    laps = [
        qemu.Lap(kind, threads, SIZE, 1, theirs, ours, SIZE, SIZE)
        for kind, threads, theirs, ours in times
    ]
    assert qemu.ratios(laps, "ram") == {1: 5.0 / 8.0, 2: 1.0}
    assert qemu.ratios(laps, "memfd") == {}

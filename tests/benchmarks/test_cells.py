"""The C program of the benchmarks does what the kit does, so that times compare like with like."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.cell import measure
from prefault_kit.measure.experiment import Experiment
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.methods import METHODS

from . import lockstep, plain
from .findings import Finding

SIZE = 512 * PAGE


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program, compiled anew."""
    return plain.build(tmp_path_factory.mktemp("cells"))


def _of_kit(cell: Experiment) -> dict[str, Any]:
    words = measure({"experiments": [cell.as_dict()]})
    return next(word for word in words if "outcome" in word)


def _hold(program: Path, cell: Experiment) -> None:
    """Both sides take the same faults and leave the same pages and blocks."""
    kit = _of_kit(cell)
    with plain.PlainCell(program, cell) as side:
        side.repeat()
        c = side.look()
    assert kit["outcome"] == "ok", kit["message"]
    assert (c.minor_faults, c.present) == (kit["faults"]["minor"], kit["pages"]["present"])
    if kit["file"]:
        assert c.blocks * 512 == kit["file"]["allocated_bytes"]


def _small() -> Iterator[tuple[Backing, str, str]]:
    for name, method in METHODS.items():
        if method.published and not method.allocates_file:
            yield Backing.anon(), "private", name
            yield Backing.anon(), "shared", name
            yield Backing.memfd(), "private", name
        if method.published:
            yield Backing.memfd(), "shared", name


@pytest.mark.parametrize(("backing", "sharing", "method"), list(_small()))
def test_the_same_faults_pages_and_blocks(
    program: Path, backing: Backing, sharing: str, method: str
) -> None:
    """Every published method on memory of small pages."""
    _hold(program, Experiment(backing, sharing, method, SIZE, repeats=1))


@pytest.mark.parametrize("method", ["FALLOCATE", "Write", "FALLOCATE+POPULATE_WRITE"])
def test_the_same_on_disk(program: Path, disk_directory: Path, method: str) -> None:
    """A file that both empty before each repetition."""
    _hold(program, Experiment(Backing.file(disk_directory), "shared", method, SIZE, repeats=1))


@pytest.mark.needs("hugetlb")
@pytest.mark.parametrize("method", ["Read/Write", "POPULATE_READ", "FALLOCATE+Write"])
def test_the_same_in_huge_pages(program: Path, huge_page_bytes: int, method: str) -> None:
    """A memfd of hugetlb pages."""
    backing = Backing.memfd(huge_page_bytes)
    _hold(program, Experiment(backing, "shared", method, 2 * huge_page_bytes, repeats=1))


def test_both_run_in_turn(program: Path) -> None:
    """A comparison has a time of each side, and as many rounds as were asked for."""
    cell = Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE)
    compared = lockstep.compare(program, cell, least=3)
    assert compared.rounds >= 3
    assert min(compared.kit_ns, compared.c_ns, compared.control_ns) > 0
    assert compared.cold_ns is not None
    assert compared.cold_ns > 0


def test_an_error_of_the_program_is_told(program: Path, tmp_path: Path) -> None:
    """A directory that is gone comes back in the program's own words."""
    cell = Experiment(Backing.file(tmp_path / "gone"), "shared", "Read", SIZE)
    with plain.PlainCell(program, cell) as side, pytest.raises(plain.PlainError, match="No such"):
        side.repeat()


def test_a_share_of_a_range_is_the_distance_from_one() -> None:
    """0.95 is half of what 0.90 to 1.10 allows, and so is 1.05."""
    for measured in (0.95, 1.05):
        finding = Finding("", measured, 1.10, at_least=0.90)
        assert finding.met
        assert finding.share == pytest.approx(0.5)

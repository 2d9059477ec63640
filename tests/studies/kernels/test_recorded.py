"""prefault_kit.studies.kernels.recorded: the kernels of the kit and one's own, by their version."""

from pathlib import Path

import pytest

from prefault_kit.studies.kernels.record import Record
from prefault_kit.studies.kernels.recorded import OF_THE_KIT, find, known, newest

DATA = Path(__file__).parents[3] / "data" / "kernels"


def record(version: str, architecture: str = "x86_64", error: str = "") -> Record:
    """One without verdicts."""
    return Record(version, architecture, "tcg", ["ext4"], {"page_size_bytes": 4096}, [], error)


def test_the_kit_has_those_of_data() -> None:
    """All of them, through a link."""
    names = sorted(path.name for path in DATA.glob("*.json"))
    assert names
    assert sorted(path.name for path in OF_THE_KIT.glob("*.json")) == names


def test_own_records_come_beside_them(tmp_path: Path) -> None:
    """And in place of one of the same name."""
    of_the_kit = known(tmp_path / "no such place")
    own = (record("6.6.1"), record(of_the_kit[0].version, error="it hangs"))
    for each in own:
        (tmp_path / f"{each.name}.json").write_text(each.dump())
    both = known(tmp_path)
    assert len(both) == len(of_the_kit) + 1
    assert both[0].error == "it hangs"
    assert [each.order for each in both] == sorted(each.order for each in both)


RECORDS = [
    record("6.1.9"),
    record("6.1.176"),
    record("6.1.176", "aarch64"),
    record("6.12.1"),
    record("7.3-rc7"),
    record("8.0.1", error="it hangs"),
]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("6.1", "6.1.176"),
        ("6.1.9", "6.1.9"),
        ("6.1.176 aarch64", "6.1.176 aarch64"),
        ("7.3", "7.3-rc7"),
    ],
)
def test_a_kernel_is_found(asked: str, name: str) -> None:
    """By its name, or the newest of its series."""
    assert find(RECORDS, asked).name == name


def test_a_kernel_that_is_not_recorded_is_told() -> None:
    """With those that are; a series is no beginning of another."""
    with pytest.raises(ValueError, match=r"no kernel 6 is recorded; recorded are: 6\.1\.9, 6\.1\."):
        find(RECORDS, "6")
    with pytest.raises(ValueError, match="recorded are: none"):
        find([], "6.1")
    with pytest.raises(ValueError, match="no kernel '' is recorded"):
        find([record("own", error="it hangs"), record("x")], "")  # neither has a series


def test_a_kernel_that_did_not_answer_is_told() -> None:
    """With what happened."""
    with pytest.raises(ValueError, match=r"8\.0\.1 is recorded without verdicts: it hangs"):
        find(RECORDS, "8.0")


def test_the_newest_is_one_that_answered() -> None:
    """A newer one that hangs is passed over."""
    assert newest(RECORDS).name == "7.3-rc7"
    with pytest.raises(ValueError, match="no kernel is recorded with verdicts"):
        newest(RECORDS[-1:])

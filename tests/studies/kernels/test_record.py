"""prefault_kit.studies.kernels.record: what a kernel answered, one file each, and the table."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.architecture import ARCHITECTURES
from prefault_kit.studies.kernels.record import FACTS, Record, load_all, table, usual
from prefault_kit.studies.promises import PROMISES

DATA = Path(__file__).parents[3] / "data" / "kernels"


def verdict(name: str, verdict: str, reason: str | None = None) -> dict[str, Any]:
    """One, as ``check --json`` prints it."""
    about = {"id": name, "source": "s", "claim": "c", "backing": "private anon", "expected": "1"}
    return about | {"verdict": verdict, "observed": None, "reason": reason}


def record(version: str, *verdicts: dict[str, Any], page_size_bytes: int = 4096) -> Record:
    """A record of x86-64."""
    facts = {"page_size_bytes": page_size_bytes}
    return Record(version, "x86_64", "tcg", ["ext4"], facts, list(verdicts))


def test_of_several_kinds_of_memory_the_worst_stands_for_a_promise() -> None:
    """A surprise before a known difference, that before what holds, that before what cannot be."""
    made = record(
        "6.1.9",
        verdict("a", "holds"),
        verdict("a", "differs"),
        verdict("b", "differs", "since 6.4"),
        verdict("b", "holds"),
        verdict("c", "not-testable", "no swap"),
        verdict("c", "holds"),
        verdict("d", "not-testable", "no swap"),
    )
    assert made.outcomes() == {
        "a": "differs",
        "b": "explained",
        "c": "holds",
        "d": "not testable",
    }


def test_a_table_has_all_promises_and_kernels_from_old_to_new(tmp_path: Path) -> None:
    """What a kernel was not asked is a bar."""
    for made in (
        record("6.12.1", verdict("a", "holds"), verdict("b", "holds")),
        record("5.10.223", verdict("a", "differs")),
        record("6.1.9", verdict("a", "holds")),
    ):
        (tmp_path / f"{made.version}.json").write_text(made.dump())
    records = load_all(tmp_path)
    assert [each.name for each in records] == ["5.10.223", "6.1.9", "6.12.1"]
    assert table(records) == [
        ("a", ["differs", "holds", "holds"]),
        ("b", ["-", "-", "holds"]),
    ]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    """All of it."""
    made = record("6.12.1", verdict("a", "holds"), page_size_bytes=16384)
    (tmp_path / "one.json").write_text(made.dump())
    assert Record.load(tmp_path / "one.json") == made
    assert made.name == "6.12.1 16 KiB"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "prefault-kit kernel/1"}', "\0"])
def test_another_file_is_told(tmp_path: Path, text: str) -> None:
    """By its path."""
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(ValueError, match=r"one\.json is not a recorded kernel"):
        Record.load(tmp_path / "one.json")


WRONG: list[dict[str, Any]] = [
    {"version": None},
    {"version": 6},
    {"version": ""},
    {"architecture": None},
    {"accelerator": None},
    {"error": None},
    {"file_systems": None},
    {"file_systems": [1]},
    {"configuration": {"SWAP": 1}},
    {"facts": None},
    *({"facts": {"page_size_bytes": size}} for size in (None, "4096", True, 0)),
    {"verdicts": None},
    {"verdicts": "abc"},
    {"verdicts": ["abc"]},
    *(
        {"verdicts": [{name: each for name, each in verdict("a", "holds").items() if name != gone}]}
        for gone in verdict("a", "holds")
    ),
    {"verdicts": [verdict("a", "maybe")]},
    {"verdicts": [verdict("a", "holds") | {"reason": 3}]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_file_with_wrong_fields_is_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """When it is read, and not where it is used."""
    fields = json.loads(record("6.1.9", verdict("a", "holds")).dump()) | wrong
    (tmp_path / "one.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"one\.json is not a recorded kernel \(.*\): "):
        Record.load(tmp_path / "one.json")


def test_a_newer_kit_s_file_is_told(tmp_path: Path) -> None:
    """It has fields that this kit does not know."""
    fields = json.loads(record("6.1.9").dump()) | {"boot_s": 3}
    (tmp_path / "one.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"one\.json.* it has boot_s, and is from a newer one"):
        Record.load(tmp_path / "one.json")


def test_two_files_of_one_kernel_are_told(tmp_path: Path) -> None:
    """By both names: neither is taken silently."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(record("6.1.9").dump())
    with pytest.raises(ValueError, match=r"two\.json and one\.json are of one kernel, 6\.1\.9"):
        load_all(tmp_path)


def test_a_file_is_named_by_version_and_processor_alone() -> None:
    """A kernel that failed has no page size yet, and its later answer is to take its place."""
    failed = Record("6.12.1-16k", "aarch64", "tcg", [], {}, [], "it hangs")
    answered = replace(failed, facts={"page_size_bytes": 16384}, error="")
    assert failed.file_name == answered.file_name == "6.12.1-16k-aarch64.json"
    assert record("6.1.9").file_name == "6.1.9.json"
    for path in DATA.glob("*.json"):
        assert Record.load(path).file_name == path.name


def test_the_usual_ones_are_those_that_answered_without_a_flavour() -> None:
    """Of x86-64, with pages of any size; a local version is no flavour."""
    usual_one, local = record("6.1.9"), record("6.12.0-rc1-00012-gabc")
    others = [
        record("6.12.1-rt"),
        replace(record("6.12.1"), architecture="aarch64"),
        replace(record("7.0.1"), error="it hangs"),
    ]
    assert usual([usual_one, *others, local]) == [usual_one, local]


RECORDED = load_all(DATA)


@pytest.mark.parametrize("made", RECORDED, ids=lambda made: made.name)
def test_every_verdict_of_a_recorded_kernel_is_explained(made: Record) -> None:
    """What differs says why, and what cannot be tested; nothing in it is the host's."""
    assert made.error == ""
    assert "differs" not in made.outcomes().values()
    assert all(each["reason"] for each in made.verdicts if each["verdict"] != "holds")
    assert set(made.facts) == set(FACTS)
    assert {"ext4", "xfs", "btrfs"} <= set(made.file_systems)


@pytest.mark.parametrize("made", RECORDED, ids=lambda made: made.name)
def test_every_promise_was_asked(made: Record) -> None:
    """With a new promise each is booted again: prefault-kit kernels run --out data/kernels."""
    assert set(made.outcomes()) == set(PROMISES)


def test_other_processors_and_page_sizes_are_recorded() -> None:
    """Three sizes of pages, four processors, the other order of bytes, real-time patches."""
    assert {made.facts["page_size_bytes"] >> 10 for made in RECORDED} == {4, 16, 64}
    assert {made.architecture for made in RECORDED} == set(ARCHITECTURES)
    assert any("CPU_BIG_ENDIAN" in made.configuration for made in RECORDED)
    assert any("PREEMPT_RT" in made.configuration for made in RECORDED)


def test_kernels_from_before_the_advice_to_the_newest_are_recorded() -> None:
    """Before Linux 5.14 nothing of the advice can be tested, and the rest holds."""
    series = [version.series(made.version) for made in usual(RECORDED)]
    assert series == ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"]
    oldest = RECORDED[0].outcomes()
    assert oldest["read-zero-page"] == "not testable"
    assert oldest["fault-around"] == "holds"


def test_of_one_series_the_usual_ones_come_first() -> None:
    """So that what holds from a series on is named by the kernel that most programs meet."""
    made = [
        Record(version, machine, "tcg", [], {}, [])
        for version, machine in (
            ("6.12.117-rt", "x86_64"),
            ("6.12.107-64k", "ppc64le"),
            ("6.18.1", "x86_64"),
            ("6.12.117", "aarch64"),
            ("6.12.117", "x86_64"),
            ("6.1.9", "s390x"),
        )
    ]
    names = [each.name for each in sorted(made, key=lambda each: each.order)]
    assert names == [
        "6.1.9 s390x",
        "6.12.117",
        "6.12.107-64k ppc64le",
        "6.12.117 aarch64",
        "6.12.117-rt",
        "6.18.1",
    ]

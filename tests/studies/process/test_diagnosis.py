"""prefault_kit.studies.process.diagnosis: each finding with its evidence, and silence otherwise."""

from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import thp
from prefault_kit.kernel.symbols import Place
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.process import Changes, Diagnosis, Faults, Overview, changes, diagnosis
from prefault_kit.studies.process.faults import MappingFaults, PlaceFaults
from tests.studies.process.made import ADDRESS, mapping, overview

MIB = (1 << 20) // PAGE
HUGE = 2 << 20


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's settings."""
    setting(monkeypatch, "madvise")


def setting(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Of transparent huge pages."""
    monkeypatch.setattr(thp, "enabled", lambda: word)
    monkeypatch.setattr(thp, "size_bytes", lambda: HUGE)


def rules(what: Overview | Changes, seen: Faults | None = None) -> list[str]:
    """The names of what is found."""
    return [each.rule for each in diagnosis.of(what, seen)]


def only(what: Overview | Changes, seen: Faults | None = None) -> Diagnosis:
    """The one finding, which is whole."""
    [found] = diagnosis.of(what, seen)
    assert found.level in diagnosis.LEVELS
    assert found.evidence
    assert not found.sentence.endswith(".")
    return found


def moments(before: Any, after: Any, **known: Any) -> Changes:
    """One second apart, of a mapping each."""
    return changes.between(overview(before), overview(after, taken_s=1, **known))


def test_a_quiet_process_is_left_alone() -> None:
    """Libraries, a heap, a stack, a small advised file, huge pages: nothing is said."""
    quiet = (
        mapping(300, name="/lib/libc.so.6", permissions="r-xp", present=200, cached=300),
        mapping(2 * MIB, address=ADDRESS * 2, name="[heap]", present=MIB),
        mapping(
            64 * MIB, address=ADDRESS * 3, flags="hg", present=60 * MIB, counts={"huge": 60 * MIB}
        ),
        mapping(MIB, address=ADDRESS * 4, name="/small", flags="rr", cached=0),
        mapping(200 * MIB, address=ADDRESS * 5, permissions="---p"),
    )
    status = {"VmRSS": "300000 kB", "VmPTE": "900 kB", "VmLck": "64 kB", "VmSwap": "0 kB"}
    before = overview(*quiet, status=status, memlock_bytes=8 << 20)
    after = overview(*quiet, status=status, memlock_bytes=8 << 20, minor=20, taken_s=1)
    assert rules(changes.between(before, after)) == []


@pytest.mark.parametrize(
    ("cached", "level"), [(MIB, "problem"), (None, "problem"), (32 * MIB, "note")]
)
def test_random_advice(cached: int | None, level: str) -> None:
    """A large file with MADV_RANDOM; no harm is done where all is cached."""
    found = only(
        overview(
            mapping(
                32 * MIB,
                name="/db",
                permissions="r--s",
                flags="rd rr",
                cached=cached,
                present=32 * MIB,
            )
        )
    )
    assert (found.rule, found.level, found.address) == ("advice-random", level, ADDRESS)
    assert found.evidence["cached"] == cached
    assert "MADV_NORMAL" in (found.help or "")


@pytest.mark.parametrize(
    ("locked", "limit", "told"),
    [
        (64, 64, True),
        (70, 64, True),
        (58, 64, True),
        (50, 64, False),
        (70, None, False),
        (0, 0, False),
    ],
)
def test_locked_at_its_limit(locked: int, limit: int | None, told: bool) -> None:
    """From nine tenths on; never of who has no limit."""
    limit_bytes = None if limit is None else limit * 1024
    found = overview(status={"VmLck": f"{locked} kB"}, memlock_bytes=limit_bytes)
    assert rules(found) == (["locked-at-limit"] if told else [])
    if told:
        assert (
            only(found).help
            == f"sudo prlimit --pid 7 --memlock={2 * max(locked, limit or 0) * 1024}"
        )


def test_held_twice() -> None:
    """Copies and cache of the same pages: at least what cannot be apart."""
    twice = mapping(8 * MIB, name="/w", present=8 * MIB, counts={"file": MIB}, cached=6 * MIB)
    found = only(overview(twice))
    assert (found.rule, found.evidence["twice_bytes"]) == ("held-twice", 5 << 20)
    apart = mapping(8 * MIB, name="/w", present=4 * MIB, cached=4 * MIB)
    assert rules(overview(apart)) == []
    shared = mapping(8 * MIB, name="/w", permissions="rw-s", present=8 * MIB, cached=8 * MIB)
    assert rules(overview(shared)) == []
    code = mapping(1, address=ADDRESS * 2, name="/w", permissions="r-xp")
    assert rules(overview(twice, code)) == []


SMALL = {"present": 80 * MIB}


@pytest.mark.parametrize(
    ("word", "flags", "status", "known", "why"),
    [
        ("always", "hg", {"THP_enabled": "0"}, {}, "PR_SET_THP_DISABLE"),
        ("always", "nh", {}, {}, "MADV_NOHUGEPAGE is set"),
        ("never", "hg", {}, {}, "off on this host"),
        ("madvise", "", {}, {}, "has not asked"),
        ("always", "", {}, {"thp_eligible": False}, "not eligible"),
        ("always", "hg", {}, {"thp_eligible": True}, "touched before it was advised"),
    ],
)
def test_huge_pages_refused_and_why(
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    flags: str,
    status: dict[str, str],
    known: dict[str, Any],
    why: str,
) -> None:
    """The first cause that there is; a problem where they were asked for."""
    setting(monkeypatch, word)
    found = only(overview(mapping(128 * MIB, flags=flags, **SMALL, **known), status=status))
    assert found.rule == "thp-refused"
    assert why in found.sentence
    assert found.level == ("problem" if flags == "hg" else "note")


@pytest.mark.parametrize(("mib", "told"), [(16, True), (15, False)])
def test_less_is_told_of_what_was_refused_by_advice(mib: int, told: bool) -> None:
    """MADV_NOHUGEPAGE is somebody's decision; small pages by default are not."""
    small = {"present": mib * MIB}
    assert rules(overview(mapping(mib * MIB, flags="nh", **small))) == ["thp-refused"] * told
    assert rules(overview(mapping(mib * MIB, **small))) == []


def test_huge_pages_do_not_fit() -> None:
    """Asked for, and no aligned block lies inside."""
    small = mapping(HUGE // PAGE, address=ADDRESS + HUGE // 2, flags="hg", present=HUGE // PAGE)
    found = only(overview(small))
    assert found.evidence["aligned_blocks"] == 0
    assert "no whole aligned block" in found.sentence


def test_a_huge_file_of_which_little_is_used() -> None:
    """A note, with what is cached of it."""
    found = only(
        overview(mapping(1024 * MIB, name="/db", permissions="r--s", present=MIB, cached=2 * MIB))
    )
    assert (found.rule, found.level) == ("small-part-in-use", "note")
    assert (found.evidence["present_bytes"], found.evidence["cached_pages"]) == (1 << 20, 2 * MIB)
    assert (
        rules(
            overview(mapping(1024 * MIB, name="/db", present=900 * MIB, counts={"file": 900 * MIB}))
        )
        == []
    )


@pytest.mark.parametrize(
    ("tables", "resident", "told"), [(64, 100, True), (8, 10, False), (64, 100_000, False)]
)
def test_page_tables(tables: int, resident: int, told: bool) -> None:
    """Large, and large beside what they map."""
    status = {"VmPTE": f"{tables << 10} kB", "VmRSS": f"{resident << 10} kB"}
    assert rules(overview(status=status)) == (["page-tables"] if told else [])


def test_swap_and_a_replaced_file() -> None:
    """A file of several mappings is named once."""
    assert rules(overview(status={"VmSwap": "4096 kB"})) == ["swapped"]
    replaced = [
        mapping(1, address=ADDRESS * (1 + at), name="/lib/x (deleted)", fate="replaced")
        for at in range(3)
    ]
    assert rules(overview(*replaced)) == ["file-replaced"]
    [found] = diagnosis.of(overview(*replaced))
    assert found.sentence.startswith("/lib/x was replaced")


def test_as_many_mappings_as_there_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the host's limit."""
    (tmp_path / "limit").write_text("10\n")
    monkeypatch.setattr(diagnosis, "MAX_MAP_COUNT", tmp_path / "limit")
    many = [mapping(1, address=ADDRESS + 2 * at * PAGE) for at in range(9)]
    assert rules(overview(*many)) == ["many-mappings"]
    assert rules(overview(*many[1:])) == []
    monkeypatch.setattr(diagnosis, "MAX_MAP_COUNT", tmp_path / "none")
    assert rules(overview(*many)) == []


def test_reclaimed() -> None:
    """Out of the page cache, or to swap; what the process gave back itself is no finding."""
    file = {"name": "/w", "permissions": "r--s"}
    before = mapping(8 * MIB, **file, present=8 * MIB, cached=8 * MIB, counts={"file": 8 * MIB})
    after = mapping(8 * MIB, **file, present=MIB, cached=MIB, counts={"file": MIB})
    found = only(moments(before, after))
    assert (found.rule, found.evidence["lost_bytes"]) == ("reclaimed", 7 << 20)
    own = mapping(8 * MIB, present=8 * MIB)
    swapped = mapping(8 * MIB, present=2 * MIB, counts={"swapped": 6 * MIB})
    assert rules(moments(own, swapped)) == ["reclaimed"]
    assert rules(moments(own, mapping(8 * MIB, present=2 * MIB))) == []
    still_cached = mapping(8 * MIB, **file, present=MIB, cached=8 * MIB, counts={"file": MIB})
    assert rules(moments(before, still_cached)) == []


def test_protected_again_by_writeback() -> None:
    """Dirty before and clean now, while all is there still; not the other way round."""
    file = {"name": "/w", "permissions": "rw-s", "present": 8 * MIB, "counts": {"file": 8 * MIB}}
    before = mapping(8 * MIB, **file, usage={"shared_dirty": 8 << 20, "rss": 8 << 20})
    after = mapping(8 * MIB, **file, usage={"rss": 8 << 20})
    found = only(moments(before, after))
    assert (found.rule, found.evidence["cleaned_bytes"]) == ("protected-by-writeback", 8 << 20)
    assert rules(moments(after, before)) == []


def test_protected_again_by_fork() -> None:
    """What was private is shared, and as much is there."""
    before = mapping(8 * MIB, present=8 * MIB, usage={"private_dirty": 8 << 20})
    after = mapping(8 * MIB, present=8 * MIB, usage={"shared_dirty": 8 << 20})
    found = only(moments(before, after))
    assert (found.rule, found.evidence["shared_bytes"]) == ("protected-by-fork", 8 << 20)
    assert "MADV_DONTFORK" in (found.help or "")


def test_shared_by_a_fork_of_some_time_ago() -> None:
    """One look suffices; what two looks have told is not told again."""
    shared = mapping(32 * MIB, present=32 * MIB, usage={"shared_dirty": 32 << 20})
    found = only(overview(shared))
    assert (found.rule, found.level) == ("shared-by-fork", "note")
    assert found.evidence["shared_bytes"] == 32 << 20
    own = mapping(32 * MIB, present=32 * MIB, usage={"private_dirty": 32 << 20})
    assert rules(moments(own, shared)) == ["protected-by-fork"]
    assert rules(moments(shared, shared)) == ["shared-by-fork"]
    file = mapping(32 * MIB, name="/w", permissions="rw-s", usage={"shared_dirty": 32 << 20})
    assert rules(overview(file)) == []


def grown(kib: int) -> dict[str, dict[str, str]]:
    """A process that has grown by so much since it had none."""
    return {"status": {"VmRSS": f"{kib} kB"}}


def test_faults_in_a_steady_state() -> None:
    """While memory does not grow; faults of a process that fills memory are its beginning."""
    same = mapping(4)
    found = only(moments(same, same, minor=5000))
    assert (found.rule, found.evidence["minor"]) == ("steady-faults", 5000)
    assert "--faults 5" in (found.help or "")
    assert rules(moments(same, same, minor=5000, **grown(5000 * PAGE // 1024))) == []
    assert rules(moments(same, same, minor=50)) == []
    assert rules(moments(same, same, major=500)) == ["major-faults"]


def test_faults_and_from_where() -> None:
    """The mapping, the place, its caller and the thread that have most."""
    place = PlaceFaults(
        Place(1, "/lib/libc.so.6", 2, "memset"), False, (Place(3, "/bin/x", 4, "fill"),), 90, 0
    )
    seen = Faults(
        1.0, 100, 0, 9, 0, True, 0,
        (MappingFaults("anonymous", ADDRESS, "rw-p", 80, 0),),
        (("anonymous", 100),), ((8, 70), (9, 30)), (place,),
    )  # fmt: skip
    same = mapping(4)
    found = only(moments(same, same, minor=5000), seen)
    for words in ("80% in anonymous", "90% by memset", "called by fill", "70% by thread 8"):
        assert words in found.sentence
    assert "--faults" not in (found.help or "")


def test_one_rule_does_not_flood() -> None:
    """A few mappings by name, and how many more there are; problems come first."""
    many = [
        mapping(1024 * MIB, address=ADDRESS * (1 + at), name=f"/db{at}", present=MIB)
        for at in range(9)
    ]
    found = diagnosis.of(overview(*many, status={"VmSwap": "4096 kB"}))
    assert [each.rule for each in found] == ["swapped"] + ["small-part-in-use"] * 6
    assert found[-1].evidence == {"more": 4}


def test_what_left_memory_is_not_clean_and_not_shared() -> None:
    """Dirty pages that are gone were not written back under it, and private ones not forked."""
    file = {"name": "/w", "permissions": "rw-s"}
    dirty = mapping(8 * MIB, **file, present=8 * MIB, usage={"shared_dirty": 8 << 20})
    assert rules(moments(dirty, mapping(8 * MIB, **file))) == []
    own = mapping(8 * MIB, present=8 * MIB, usage={"private_dirty": 8 << 20})
    assert rules(moments(own, mapping(8 * MIB))) == []


def test_rates_of_a_moment_say_nothing() -> None:
    """Two looks that follow each other at once."""
    at_once = changes.between(overview(), overview(taken_s=0.1, minor=5000, major=500))
    assert rules(at_once) == []

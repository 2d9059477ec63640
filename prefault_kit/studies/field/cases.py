"""The cases, as data: to add one, add a row, and a section with its title to notebook 17.

A claim is what was claimed in public, as far as one host can contradict it, and as a range: the
factors of the sources are those of other machines.
"""

from __future__ import annotations

from dataclasses import replace

from prefault_kit.studies.field.case import Case, Memory, Way
from prefault_kit.studies.field.claims import Ends, Failure, Ratio, Share
from prefault_kit.studies.field.steps import Range, Scattered, Strided

COLD_FILE = Memory("file", "shared", start="cold")
PLAIN, POPULATED = "as it comes", "MAP_POPULATE"
FULL = Memory("tmpfs", "shared", size_bytes=4 << 20, limit_bytes=5 << 19)
"""A mapping of a tmpfs that has room for five eighths of it."""
ROOM = 5 / 8
HUGE = Memory(thp=True, huge_pages=2)


def _used(part: float, name: str) -> tuple[Way, Way]:
    """A part of an allocation is written: as it comes, and after populating all of it."""
    used = Range("touch_write", end=part)
    plain = f"{name}, {PLAIN}"
    return (
        Way(plain, (used,)),
        Way(f"{name}, POPULATE_WRITE", ("populate_write", used), over=plain),
    )


def _read(part: float, name: str) -> tuple[Way, Way]:
    """A part of a file is read, page by page in random order: as it comes, and after populating."""
    plain = f"{name}, {PLAIN}"
    return (
        Way(plain, (Scattered(part),)),
        Way(f"{name}, {POPULATED}", ("map_populate", Scattered(part)), over=plain),
    )


def _filled(sharing: str) -> tuple[Way, Way]:
    """Memory of a sharing is populated once, and twice."""
    memory = Memory("anon", sharing)
    once = f"{sharing}, once"
    return (
        Way(
            once,
            ("populate_write",),
            memory=memory,
            over="" if sharing == "shared" else "shared, once",
        ),
        Way(f"{sharing}, twice", ("map_populate", "populate_write"), memory=memory, over=once),
    )


_ROWS = (
    Case(
        id="qdrant",
        who="Qdrant",
        what="a vector store",
        when="July 2025",
        title="A vector store: which advice came before?",
        sources=("https://github.com/qdrant/qdrant/pull/6923",),
        question="A 16 MiB file lies on disk and nowhere else. How many times does populating wait "
        "for the disk (major faults) after each advice?",
        memory=replace(COLD_FILE, size_bytes=16 << 20),  # a page a read: a slow disk takes long
        looks=("major faults",),
        repeats=2,
        ways=(
            Way("no advice", ("populate_read",)),
            Way(
                "MADV_SEQUENTIAL", ("populate_read",), before=("MADV_SEQUENTIAL",), over="no advice"
            ),
            Way("MADV_RANDOM", ("populate_read",), before=("MADV_RANDOM",), over="no advice"),
        ),
        claims=(
            Share(
                "after MADV_RANDOM, populating waits for every page",
                "MADV_RANDOM",
                "major faults",
                1,
                1,
            ),
            Share(
                "after MADV_SEQUENTIAL, it reads ahead", "MADV_SEQUENTIAL", "major faults", 0, 0.02
            ),
            Share("and without any advice, too", "no advice", "major faults", 0, 0.02),
            Ratio("MADV_RANDOM slows populating down", "MADV_RANDOM", "no advice", low=3),
            Ratio(
                "MADV_SEQUENTIAL gains little over no advice",
                "MADV_SEQUENTIAL",
                "no advice",
                0.7,
                1.3,
            ),
        ),
    ),
    Case(
        id="influxdb",
        who="InfluxDB",
        what="a storage engine",
        when="January 2016",
        title="A storage engine: all of it, or only the part that is read?",
        sources=("https://github.com/influxdata/influxdb/pull/5318",),
        question="The last hundredth of a cold file is read. How much of the file is in memory "
        "then, with `MAP_POPULATE` and without?",
        memory=COLD_FILE,
        looks=("pages cached",),
        repeats=3,
        ways=(
            Way(PLAIN, (Range("touch_read", begin=0.99),)),
            Way(POPULATED, ("map_populate", Range("touch_read", begin=0.99)), over=PLAIN),
        ),
        claims=(
            Share("MAP_POPULATE brings in what is never read", POPULATED, "pages cached", 1, 1),
            Share("without it, most of the file stays on disk", PLAIN, "pages cached", 0, 0.25),
            Ratio("opening the file takes longer", POPULATED, PLAIN, low=1.5),
        ),
    ),
    Case(
        id="vault",
        who="HashiCorp Vault",
        what="a key-value store",
        when="January 2022",
        title="A key-value store: the same call, adopted",
        sources=("https://github.com/hashicorp/vault/pull/13573",),
        question="A quarter of the pages is read, in random order. Which is faster? And for one "
        "page in a hundred?",
        memory=COLD_FILE,
        looks=("pages cached",),
        repeats=3,
        ways=(*_read(0.25, "a quarter"), *_read(0.01, "a hundredth")),
        claims=(
            Share(
                "scattered reads bring in more than they ask for",
                f"a quarter, {PLAIN}",
                "pages cached",
                0.35,
                1,
            ),
            Ratio(
                "for a quarter, MAP_POPULATE is faster",
                f"a quarter, {POPULATED}",
                f"a quarter, {PLAIN}",
                high=0.9,
            ),
            Ratio(
                "for a hundredth, MAP_POPULATE is faster",
                f"a hundredth, {POPULATED}",
                f"a hundredth, {PLAIN}",
                high=0.9,
            ),
        ),
    ),
    Case(
        id="clickhouse",
        who="ClickHouse",
        what="a database",
        when="2019 and 2023",
        title="A database: an allocator that populates",
        sources=(
            "https://github.com/ClickHouse/ClickHouse/pull/6667",
            "https://github.com/ClickHouse/ClickHouse/issues/52608",
            "https://github.com/ClickHouse/ClickHouse/pull/52792",
        ),
        question="Of a 64 MiB allocation a tenth is used, or half, or all. How much memory does it "
        "take? When does populating pay off?",
        looks=("pages resident",),
        ways=(*_used(0.1, "a tenth"), *_used(0.5, "half"), *_used(1.0, "all")),
        claims=(
            Share(
                "a tenth is used, a tenth is taken",
                f"a tenth, {PLAIN}",
                "pages resident",
                0.08,
                0.1,
            ),
            Share(
                "a tenth is used, populated: all is taken",
                "a tenth, POPULATE_WRITE",
                "pages resident",
                1,
                1,
            ),
            Ratio(
                "populating all of it for a tenth takes longer",
                "a tenth, POPULATE_WRITE",
                f"a tenth, {PLAIN}",
                low=2,
            ),
            Ratio(
                "all is used: populating saves time", "all, POPULATE_WRITE", f"all, {PLAIN}", high=1
            ),
        ),
    ),
    Case(
        id="openjdk",
        who="OpenJDK",
        what="a runtime",
        when="October 2023",
        title="A runtime: touching, or asking",
        sources=("https://github.com/openjdk/jdk/pull/15781",),
        question="Memory for 8 huge pages is touched in three ways, and populated. How many of the "
        "8 become huge?",
        memory=Memory(thp=True, huge_pages=8),
        looks=("huge pages",),
        ways=(
            Way("touch_write", ("touch_write",)),
            Way("touch_read_write", ("touch_read_write",), over="touch_write"),
            Way("touch_atomic", ("touch_atomic",), over="touch_write"),
            Way("POPULATE_WRITE", ("populate_write",), over="touch_write"),
        ),
        claims=(
            Share("POPULATE_WRITE makes all of it huge", "POPULATE_WRITE", "huge pages", 1, 1),
            Share(
                "an atomic touch leaves most of it in small pages",
                "touch_atomic",
                "huge pages",
                0,
                0.5,
                reason="a write to the huge zero page takes a huge page since the end of 2024 "
                "(commit 1ced09e0331f)",
            ),
        ),
    ),
    Case(
        id="cloud-hypervisor",
        who="Cloud Hypervisor",
        what="a hypervisor",
        when="February 2024 and June 2026",
        title="A hypervisor: errors that went unseen",
        sources=(
            "https://github.com/cloud-hypervisor/cloud-hypervisor/pull/6156",
            "https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8484",
        ),
        question="A tmpfs has room for five eighths of a mapping. What does each call report? And "
        "what do two threads gain where there is room?",
        memory=Memory("memfd", "shared"),
        looks=("pages present",),
        repeats=8,
        ways=(
            Way("MAP_POPULATE, no room", ("map_populate",), memory=FULL),
            Way("POPULATE_WRITE, no room", ("populate_write",), memory=FULL),
            Way("MAP_POPULATE", ("map_populate",)),
            Way("POPULATE_WRITE", ("populate_write",), over="MAP_POPULATE"),
            Way("POPULATE_WRITE, 2 threads", ("populate_write",), over="MAP_POPULATE", threads=2),
        ),
        claims=(
            Ends("MAP_POPULATE reports nothing", "MAP_POPULATE, no room", None),
            Share(
                "and leaves the rest unpopulated",
                "MAP_POPULATE, no room",
                "pages present",
                ROOM,
                ROOM,
            ),
            Ends(
                "POPULATE_WRITE reports where it ended",
                "POPULATE_WRITE, no room",
                Failure("EFAULT", ROOM),
            ),
            Ratio(
                "two threads save time",
                "POPULATE_WRITE, 2 threads",
                "MAP_POPULATE",
                high=0.8,
                reason="a second thread gains only where a second processor is idle",
            ),
        ),
    ),
    Case(
        id="sglang",
        who="SGLang",
        what="an inference server",
        when="August 2026",
        title="An inference server: twice, and shared",
        sources=(
            "https://github.com/sgl-project/sglang/pull/36705",
            "https://github.com/sgl-project/sglang/issues/31424",
        ),
        question="Memory is populated by `MAP_POPULATE`, and again by `MADV_POPULATE_WRITE`. How "
        "many faults does the second call take, and is it free?",
        looks=("minor faults",),
        repeats=8,
        ways=(*_filled("shared"), *_filled("private")),
        claims=(
            Share("shared: one call takes a fault a page", "shared, once", "minor faults", 1, 1),
            Share("a second call takes no more", "shared, twice", "minor faults", 1, 1),
            Share("private: one call takes a fault a page", "private, once", "minor faults", 1, 1),
            Share("a second call takes no more", "private, twice", "minor faults", 1, 1),
            Ratio("shared: the second call costs time", "shared, twice", "shared, once", 1.02, 2),
            Ratio(
                "private: the second call costs time", "private, twice", "private, once", 1.02, 2
            ),
            Ratio("private memory is populated faster", "private, once", "shared, once", high=0.9),
        ),
    ),
    Case(
        id="seastar",
        who="Seastar",
        what="a framework for databases",
        when="June 2023",
        title="A framework for databases: locked, and still late",
        sources=("https://github.com/scylladb/seastar/pull/1702",),
        question="Memory is locked with `MLOCK_ONFAULT`, or not locked at all. Which takes longer "
        "to touch first, a small page or a huge one, and does the lock help?",
        memory=Memory(huge_pages=2),
        looks=("minor faults",),
        repeats=50,
        ways=(
            Way("small", (Strided(),)),
            Way("small, locked", (Strided(),), before=("mlock_on_fault",), over="small"),
            Way("huge", (Strided(),), over="small", memory=HUGE),
            Way("huge, locked", (Strided(),), ("mlock_on_fault",), over="huge", memory=HUGE),
            Way("the same in small pages", ("touch_write",), over="huge"),
        ),
        claims=(
            Share(
                "locked, the first touch of a small page faults",
                "small, locked",
                "minor faults",
                1,
                1,
            ),
            Share("and that of a huge page", "huge, locked", "minor faults", 1, 1),
            Ratio("the first touch of a huge page takes longer", "huge", "small", low=3),
            Ratio("a lock does not shorten it: small", "small, locked", "small", low=0.7),
            Ratio("a lock does not shorten it: huge", "huge, locked", "huge", low=0.7),
            Ratio(
                "for as much memory, small pages take longer",
                "the same in small pages",
                "huge",
                low=2,
            ),
        ),
    ),
)

CASES = {case.id: case for case in _ROWS}
"""Every case, by its id, in the order of notebook 17."""

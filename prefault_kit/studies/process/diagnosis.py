"""What is amiss in a process, in sentences: each with its evidence, and with what would help.

A rule is a function of :data:`RULES` that looks at an :class:`Overview`, and at :class:`Changes`
where there are two. What is not known is never taken for 0: a rule that needs it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prefault_kit.host import thp
from prefault_kit.kernel.address_space import DELETED
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.process.changes import Changes, MappingChange
from prefault_kit.studies.process.faults import Faults
from prefault_kit.studies.process.mapping import (
    ANONYMOUS,
    FILE,
    HEAP,
    ProcessMapping,
)
from prefault_kit.studies.process.overview import Overview

PROBLEM, NOTE = LEVELS = ("problem", "note")
"""``problem``: it costs something now. ``note``: worth knowing, and meant so perhaps."""

LARGE_BYTES = 16 << 20
"""A file mapping at least so large is worth a word on its advice."""
TWICE_BYTES = 4 << 20
HUGE_FILE_BYTES = 256 << 20
SMALL_PART = 0.05
LOST_BYTES = 1 << 20
"""Less may be reclaimed or written back in any process."""
THP_BYTES = 64 << 20
"""A mapping with so much in small pages would gain by huge ones."""
NEAR = 0.9
"""Of a limit."""
TABLES_BYTES = 16 << 20
TABLES_PART = 0.05
FAULTS_PER_SECOND = 100
MAJOR_PER_SECOND = 10
SHORTEST_S = 0.2
"""Rates of a shorter time say nothing."""
MOST_OF_A_RULE = 5
"""Mappings that one rule names; how many more there are is told."""
MAX_MAP_COUNT = Path("/proc/sys/vm/max_map_count")


Evidence = dict[str, int | float | str | None]


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was found."""

    rule: str
    level: str
    """``problem`` or ``note``."""
    sentence: str
    evidence: Evidence = field(default_factory=dict)
    help: str | None = None
    """A command, a line of code, or None where nothing is to be done."""
    address: int | None = None
    """Of the mapping, where it is about one."""


def where(mapping: ProcessMapping) -> str:
    """A mapping, as a sentence names it."""
    title = "anonymous memory" if mapping.title == ANONYMOUS else mapping.title
    return f"{title} at 0x{mapping.address:x}"


def _mappings(count: int, more: str = "") -> str:
    return f"{count:,} {more}mapping{'s' * (count != 1)}"


def _pages(size_bytes: int) -> int:
    return size_bytes // PAGE_SIZE_BYTES


def _call(mapping: ProcessMapping, advice: str) -> str:
    return f"madvise((void *)0x{mapping.address:x}, {mapping.size_bytes}, {advice})"


def _random(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """MADV_RANDOM on a file mapping that is large."""
    for each in now.mappings:
        if "rr" not in (each.vm_flags or ()) or each.kind != FILE or each.size_bytes < LARGE_BYTES:
            continue
        cached = each.file.cached if each.file else None
        present = each.pages.present if each.pages else None
        pages = _pages(each.size_bytes)
        if cached is None:
            state = f"{pages:,} pages"
        else:
            state = f"{cached:,} of its {pages:,} pages cached"
        sentence = (
            f"MADV_RANDOM is set on {where(each)} ({state}): nothing is read ahead, so each page "
            "that is missing is a read of one page, also under MADV_POPULATE_READ; since Linux 6.3 "
            "its pages are reclaimed first"
        )
        whole = cached is not None and cached >= NEAR * pages
        evidence: Evidence = {
            "pages": pages,
            "cached": cached,
            "present": present,
            "vm_flags": " ".join(each.vm_flags or ()),
        }
        yield Diagnosis(
            "advice-random",
            NOTE if whole else PROBLEM,
            sentence,
            evidence,
            f"{_call(each, 'MADV_NORMAL')} before it is populated or read in order, "
            "and MADV_RANDOM again afterwards",
            each.address,
        )


def _locked(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Locked memory at its limit; of a process without CAP_IPC_LOCK."""
    locked, limit = now.status_bytes("VmLck"), now.memlock_bytes
    if not locked or limit is None or locked < NEAR * limit:
        return
    yield Diagnosis(
        "locked-at-limit",
        PROBLEM,
        f"{format_bytes(locked)} are locked, and {format_bytes(limit)} are allowed "
        "(RLIMIT_MEMLOCK): the next mlock or MAP_LOCKED fails with ENOMEM or EAGAIN",
        {"locked_bytes": locked, "limit_bytes": limit},
        f"sudo prlimit --pid {now.pid} --memlock={2 * max(locked, limit)}",
    )


def _twice(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Private copies of a file's pages that are cached as well."""
    programs = {each.head.inode for each in now.mappings if "x" in each.head.permissions}
    for each in now.mappings:
        own = each.anonymous_pages
        if each.head.inode in programs:
            continue  # what the linker wrote into a library is meant so
        cached = each.file.cached if each.file else None
        if each.shared or not each.head.inode or own is None or cached is None:
            continue
        # so many at least are both: what is not cached may be what is copied
        twice = (own + cached - _pages(each.size_bytes)) * PAGE_SIZE_BYTES
        if twice < TWICE_BYTES:
            continue
        yield Diagnosis(
            "held-twice",
            PROBLEM,
            f"{where(each)} is private, and {format_bytes(own * PAGE_SIZE_BYTES)} of it are copies "
            f"while {cached:,} pages of the file are cached: at least {format_bytes(twice)} are in "
            "memory twice",
            {"anonymous_pages": own, "cached_pages": cached, "twice_bytes": twice},
            "map it MAP_SHARED or read-only if the copies are not needed; or read(2) it with "
            "O_DIRECT into anonymous memory; or drop the cache of it: "
            "posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)",
            each.address,
        )


def _thp(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Anonymous memory in small pages, and why."""
    size, setting = thp.size_bytes(), thp.enabled()
    if size is None:
        return
    off = now.status.get("THP_enabled") == "0"
    for each in now.largest:
        counts = each.pages
        if each.kind not in (ANONYMOUS, HEAP) or counts is None or each.vm_flags is None:
            continue
        small = (counts.present - counts.huge) * PAGE_SIZE_BYTES
        asked, refused = "hg" in each.vm_flags, "nh" in each.vm_flags
        least = size if asked else LARGE_BYTES if refused else THP_BYTES
        if small < least or counts.huge * PAGE_SIZE_BYTES > small:
            continue
        first = -(-each.head.address // size) * size
        blocks = max(0, each.head.end // size - first // size)
        level = PROBLEM if asked else NOTE
        if off:
            why = "the process has switched them off (PR_SET_THP_DISABLE, perhaps by its parent)"
            help_ = "prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) in the process or in what starts it"
        elif refused:
            why = "MADV_NOHUGEPAGE is set on it"
            help_ = _call(each, "MADV_HUGEPAGE")
        elif setting == "never":
            why = "transparent huge pages are off on this host (never)"
            help_ = f"echo madvise | sudo tee {thp.SETTINGS / 'enabled'}"
        elif not blocks:
            why = f"it contains no whole aligned block of {format_bytes(size)}"
            help_ = f"align the mapping to {format_bytes(size)}: aligned_alloc({size}, ...)"
        elif setting == "madvise" and not asked:
            why = "huge pages are given on request alone here, and it has not asked"
            help_ = (
                f"{_call(each, 'MADV_HUGEPAGE')} before its first touch; not where it is sparse or "
                "is written after forks: a huge page is filled and copied whole"
            )
        elif each.thp_eligible is False:
            why = "the kernel finds it not eligible (THPeligible 0)"
            help_ = None
        else:
            why = (
                "it may have them: it was touched before it was advised, or no huge page was free "
                "then, and khugepaged has not come by"
            )
            help_ = f"{_call(each, 'MADV_COLLAPSE')} by the process itself (Linux 6.1)"
        yield Diagnosis(
            "thp-refused",
            level,
            f"{format_bytes(small)} of {where(each)} are in small pages, "
            f"{format_bytes(counts.huge * PAGE_SIZE_BYTES)} in huge ones: {why}",
            {
                "small_bytes": small,
                "huge_bytes": counts.huge * PAGE_SIZE_BYTES,
                "setting": setting,
                "thp_disabled": off,
                "thp_eligible": each.thp_eligible,
                "aligned_blocks": blocks,
                "vm_flags": " ".join(each.vm_flags),
            },
            help_,
            each.address,
        )


def _small_part(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """A huge file of which little is mapped into the page tables."""
    for each in now.mappings:
        if each.kind != FILE or each.size_bytes < HUGE_FILE_BYTES or each.pages is None:
            continue
        used = each.pages.present * PAGE_SIZE_BYTES
        if used > SMALL_PART * each.size_bytes:
            continue
        cached = each.file.cached if each.file else None
        said = (
            "" if cached is None else f", and {format_bytes(cached * PAGE_SIZE_BYTES)} are cached"
        )
        yield Diagnosis(
            "small-part-in-use",
            NOTE,
            f"of {where(each)}, {format_bytes(each.size_bytes)}, {format_bytes(used)} are in its "
            f"page tables{said}: populating all of it would bring in "
            f"{each.size_bytes // max(used, PAGE_SIZE_BYTES):,} times what it uses",
            {"size_bytes": each.size_bytes, "present_bytes": used, "cached_pages": cached},
            "populate the part that is used, by its offset and length; the others cost addresses "
            "alone",
            each.address,
        )


def _tables(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Page tables that are large for what they map."""
    tables, resident = now.status_bytes("VmPTE"), now.status_bytes("VmRSS")
    if tables is None or resident is None or tables < TABLES_BYTES:
        return
    if tables < TABLES_PART * resident:
        return
    yield Diagnosis(
        "page-tables",
        PROBLEM,
        f"page tables take {format_bytes(tables)} for {format_bytes(resident)} of resident memory: "
        "they stay when the pages that they mapped are given back, each process that shares memory "
        "has its own, and no Rss counts them",
        {"page_tables_bytes": tables, "resident_bytes": resident},
        "huge pages need no such tables (MADV_HUGEPAGE, hugetlb); unmap what is not used",
    )


def _replaced(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Files that were replaced under their mapping."""
    seen = set()
    for each in now.mappings:
        if each.file and each.file.fate == "replaced" and each.head.name not in seen:
            seen.add(each.head.name)
            path = each.head.name.removesuffix(DELETED)  # so the kernel marks it
            yield Diagnosis(
                "file-replaced",
                NOTE,
                f"{path} was replaced since it was mapped: the process goes on with the "
                "file that had the name then, and its pages are shared with no newer process",
                {"inode": each.head.inode, "path": path},
                "restart the process to have the new file",
                each.address,
            )


def _swapped(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """Memory in swap."""
    swapped = now.status_bytes("VmSwap")
    if swapped and swapped >= LOST_BYTES:
        yield Diagnosis(
            "swapped",
            PROBLEM,
            f"{format_bytes(swapped)} are in swap: touching a page of it is a major fault",
            {"swapped_bytes": swapped},
            "mlock(2) what must not wait, or give it more memory (memory.max of its cgroup)",
        )


def _many(now: Overview, _: Changes | None, __: Faults | None) -> Iterator[Diagnosis]:
    """As many mappings as there may be."""
    try:
        most = int(MAX_MAP_COUNT.read_text())
    except OSError:
        return
    if len(now.mappings) >= NEAR * most:
        yield Diagnosis(
            "many-mappings",
            PROBLEM,
            f"it has {len(now.mappings):,} mappings of {most:,} that it may have: the next mmap, "
            "mprotect or madvise that splits one fails with ENOMEM",
            {"mappings": len(now.mappings), "limit": most},
            f"sudo sysctl vm.max_map_count={4 * most}",
        )


def _reclaimed(now: Overview, changes: Changes | None, _: Faults | None) -> Iterator[Diagnosis]:
    """Pages that were there before, and that the kernel took."""
    for each in changes.mappings if changes else ():
        lost = -(each.pages("present") or 0) * PAGE_SIZE_BYTES
        if each.before is None or each.after is None or lost < LOST_BYTES:
            continue
        swapped, cached = each.pages("swapped") or 0, each.cached
        if swapped > 0:
            how = f"{format_bytes(swapped * PAGE_SIZE_BYTES)} went to swap"
        elif cached is not None and -cached * PAGE_SIZE_BYTES >= LOST_BYTES:
            how = f"{format_bytes(-cached * PAGE_SIZE_BYTES)} of its file left the page cache"
        else:
            continue  # the process gave it back itself
        yield Diagnosis(
            "reclaimed",
            PROBLEM,
            f"{format_bytes(lost)} of {where(each.mapping)} were in memory "
            f"{_ago(changes)} and are no more: {how}. What was populated did not stay",
            {"lost_bytes": lost, "swapped_pages": swapped, "cached_pages": cached},
            "mlock2(..., MLOCK_ONFAULT) or mlock(2) what must stay; or populate in windows; or "
            "raise memory.max of its cgroup",
            each.mapping.address,
        )


def _ago(changes: Changes | None) -> str:
    return f"{changes.seconds:.1f} s before" if changes else ""


def _protected(now: Overview, changes: Changes | None, _: Faults | None) -> Iterator[Diagnosis]:
    """Pages whose next write takes a fault again: written back, or shared with a child."""
    for each in changes.mappings if changes else ():
        if each.before is None or each.after is None:
            continue
        if sentence := _written_back(each) or _forked(each):
            rule, words, evidence, help_ = sentence
            yield Diagnosis(rule, NOTE, words, evidence, help_, each.mapping.address)


Protected = tuple[str, str, Evidence, str]


def _written_back(each: MappingChange) -> Protected | None:
    """A shared file mapping whose dirty pages are clean by now."""
    mapping = each.mapping
    private, shared = each.usage("private_dirty"), each.usage("shared_dirty")
    if private is None or shared is None or not mapping.shared or mapping.kind != FILE:
        return None
    cleaned = -(private + shared)
    gone = max(0, -(each.resident_bytes or 0))
    if cleaned - gone < LOST_BYTES or "w" not in mapping.head.permissions:
        return None
    return (
        "protected-by-writeback",
        f"{format_bytes(cleaned)} of {where(mapping)} were dirty and are clean by now: written "
        "back, they are write-protected: the next write to each takes a fault, populated or not",
        {"cleaned_bytes": cleaned},
        "populate with MADV_POPULATE_WRITE after each sync; or keep what is hot in anonymous "
        "memory or on tmpfs, which is never written back",
    )


def _forked(each: MappingChange) -> Protected | None:
    """Private memory that a child shares by now."""
    mapping = each.mapping
    private, shared = each.usage("private_dirty"), each.usage("shared_dirty")
    if private is None or shared is None or mapping.shared:
        return None
    both = min(-private, shared)
    if both < LOST_BYTES:
        return None
    return (
        "protected-by-fork",
        f"{format_bytes(both)} of {where(mapping)} were its own and are shared by now: it has "
        "forked, and the next write to each page, here or in the child, takes a fault and a copy",
        {"shared_bytes": both},
        f"{_call(mapping, 'MADV_DONTFORK')} if children do not need it; or vfork, posix_spawn; or "
        "MADV_POPULATE_WRITE again after the fork",
    )


def _shared_copies(
    now: Overview, changes: Changes | None, __: Faults | None
) -> Iterator[Diagnosis]:
    """Private memory that a fork of some time ago has left shared."""
    told = {each.mapping.address for each in (changes.mappings if changes else ()) if _forked(each)}
    for each in now.mappings:
        shared = each.usage.shared_dirty if each.usage else None
        if shared is None or shared < LARGE_BYTES or each.shared or each.address in told:
            continue
        if each.kind in (ANONYMOUS, HEAP):
            yield Diagnosis(
                "shared-by-fork",
                NOTE,
                f"{format_bytes(shared)} of {where(each)} are shared with a process that it "
                "forked, or that forked it: the next write to each page takes a fault and a copy, "
                "populated or not",
                {"shared_bytes": shared},
                "populate with MADV_POPULATE_WRITE after the fork, in the process that will write",
                each.address,
            )


def _faulting(now: Overview, changes: Changes | None, seen: Faults | None) -> Iterator[Diagnosis]:
    """Faults that go on while memory does not grow."""
    if changes is None or changes.seconds < SHORTEST_S:
        return
    seconds, minor, major = changes.seconds, changes.minor_faults, changes.major_faults
    evidence: Evidence = {
        "seconds": round(seconds, 2),
        "minor": minor,
        "major": major,
        "grown_bytes": changes.resident_bytes,
    }
    if major >= MAJOR_PER_SECOND * seconds:
        yield Diagnosis(
            "major-faults",
            PROBLEM,
            f"{major / seconds:,.0f} major faults a second: it waits for pages from disk"
            f"{_from_where(seen)}",
            evidence,
            f"{_ask_where(now, seen)}MADV_WILLNEED or MADV_POPULATE_READ brings them before",
        )
    grown = _pages(max(0, changes.resident_bytes))
    if minor - grown < FAULTS_PER_SECOND * seconds or minor < 2 * grown:
        return
    moved = sum(each.before is None or each.after is None for each in changes.mappings)
    why = f"; {_mappings(moved)} came or went" if moved else ""
    yield Diagnosis(
        "steady-faults",
        PROBLEM,
        f"{minor / seconds:,.0f} minor faults a second go on while its memory grew by "
        f"{format_bytes(max(0, changes.resident_bytes))} in {seconds:.1f} s{why}: what is touched "
        f"was given back, protected again or mapped anew{_from_where(seen)}",
        evidence | {"mappings_changed": moved},
        f"{_ask_where(now, seen)}keep memory instead of giving it back "
        "(M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3), or a pool), and populate it once",
    )


def _ask_where(now: Overview, seen: Faults | None) -> str:
    return "" if seen else f"prefault-kit attach {now.pid} --faults 5 says where; "


def _from_where(seen: Faults | None) -> str:
    """The mapping, the place and the thread with the most faults, as the end of a sentence."""
    if seen is None or not seen.total:
        return ""
    mapping, place = seen.mappings[0], seen.places[0]
    own = mapping.minor + mapping.major
    where = "" if mapping.address is None else f" at 0x{mapping.address:x}"
    parts = [f"{own / seen.total:.0%} in {mapping.title}{where}"]
    callers = [each for each in place.stack if each.function]
    by = f", called by {callers[0].function}" if callers else ""
    parts.append(f"{(place.minor + place.major) / seen.total:.0%} by {place}{by}")
    if len(seen.threads) > 1:
        thread, count = seen.threads[0]
        parts.append(f"{count / seen.total:.0%} by thread {thread}")
    return f". Of {seen.total:,} faults that were seen, {', '.join(parts)}"


Rule = Callable[[Overview, Changes | None, Faults | None], Iterator[Diagnosis]]

RULES: tuple[Rule, ...] = (
    _faulting,
    _reclaimed,
    _protected,
    _shared_copies,
    _random,
    _locked,
    _twice,
    _swapped,
    _tables,
    _many,
    _thp,
    _small_part,
    _replaced,
)


def of(what: Overview | Changes, seen: Faults | None = None) -> tuple[Diagnosis, ...]:
    """All that the rules find, problems first; of one rule the first few mappings."""
    changes = what if isinstance(what, Changes) else None
    now = what.after if isinstance(what, Changes) else what
    found: list[Diagnosis] = []
    for rule in RULES:
        own = list(rule(now, changes, seen))
        found += own[:MOST_OF_A_RULE]
        if len(own) > MOST_OF_A_RULE:
            last, left = own[0], len(own) - MOST_OF_A_RULE
            found.append(
                Diagnosis(
                    last.rule,
                    NOTE,
                    f"the same holds for {_mappings(left, 'more ')}",
                    {"more": left},
                )
            )
    return tuple(sorted(found, key=lambda each: LEVELS.index(each.level)))

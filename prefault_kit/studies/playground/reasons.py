"""Why a step did what it did: one sentence, from what was observed, and the promise that holds it.

To teach another observation, add a row to :data:`RULES`; the first that fits is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prefault_kit.studies.playground.ground import CHILD, Ground, Step
from prefault_kit.studies.playground.playing import Act, Outcome
from prefault_kit.studies.playground.strips import ABSENT, BEYOND, Strips

READS = ("read", "MADV_POPULATE_READ")
WRITES = ("write", "MADV_POPULATE_WRITE")
GIVING_BACK = ("MADV_DONTNEED", "MADV_FREE", "MADV_REMOVE", "MADV_COLD", "MADV_PAGEOUT")


@dataclass(frozen=True)
class Seen:
    """A step with what there was before it and after it, in the process that did it."""

    ground: Ground
    act: Act
    before: Strips
    after: Strips

    @property
    def step(self) -> Step:
        """What was done."""
        return self.act.step

    @property
    def outcome(self) -> Outcome:
        """How it went."""
        return self.act.outcome

    def did(self, *operations: str) -> bool:
        """Whether it was one of these."""
        return self.step.operation in operations

    def became(self, word: str, was: str | None = None, strip: str = "table") -> int:
        """How many pages became this, of those that were that."""
        pairs = self._pairs(strip)
        return sum(new == word != old and was in (None, old) for old, new in pairs)

    def stayed(self, word: str, strip: str = "table") -> int:
        """How many of the chosen pages were this and still are."""
        return sum(new == old == word for old, new in self._pairs(strip)[self.chosen])

    def _pairs(self, strip: str) -> list[tuple[str, str]]:
        old, new = getattr(self.before, strip), getattr(self.after, strip)
        return list(zip(old, new, strict=True)) if old and new else []

    def had(self, word: str, strip: str) -> int:
        """How many of the chosen pages were this."""
        return sum(old == word for old, _ in self._pairs(strip)[self.chosen])

    def now(self, word: str, strip: str) -> int:
        """How many of the chosen pages are this now."""
        return sum(new == word for _, new in self._pairs(strip)[self.chosen])

    def stands(self, word: str) -> bool:
        """Whether what may be done to any of the pages now has this word."""
        return any(word in each.split() for each in self.after.access[self.chosen])

    def released(self, word: str) -> bool:
        """Whether what may be done to one of the pages had this word, and has it no more."""
        pairs = self._pairs("access")[self.chosen]
        return any(word in old.split() and word not in new.split() for old, new in pairs)

    @property
    def changed(self) -> bool:
        """Whether any page of any strip is another."""
        strips = ("table", "cache", "storage", "access")
        return any(old != new for strip in strips for old, new in self._pairs(strip))

    @property
    def of_file(self) -> tuple[str, ...]:
        """The words of pages that are shared with a file: huge ones too, where all are."""
        return ("of the file",) if self.private else ("of the file", "huge")

    @property
    def own(self) -> tuple[str, ...]:
        """The words of pages that are the process's own, or nobody's."""
        own = ("anonymous", "zero page", "huge zero page")
        return (*own, "huge") if self.private else own

    @property
    def chosen(self) -> slice:
        """The pages of the step."""
        return slice(self.step.first, self.step.first + self.step.count)

    @property
    def private(self) -> bool:
        """Whether the mapping is private."""
        return self.ground.sharing == "private"

    @property
    def has_file(self) -> bool:
        """Whether there is a file behind it."""
        return self.ground.backing.has_file


@dataclass(frozen=True)
class Rule:
    """When something is said, what, and which promise holds it."""

    fits: Callable[[Seen], bool]
    says: str
    promise: str | None = None


@dataclass(frozen=True)
class Reason:
    """One sentence, and the id of the promise that holds it, if there is one."""

    text: str
    promise: str | None = None


def _touched(seen: Seen) -> bool:
    return seen.did(*READS, *WRITES, "mlock")


RULES: tuple[Rule, ...] = (
    # It failed
    Rule(
        lambda seen: (
            seen.outcome.died == "SIGBUS" and seen.before.table[seen.outcome.page or 0] != "guard"
        ),
        "No page can be had here: the file ends before it, or its storage is full. A touch is "
        "told so by SIGBUS, which ends the process; populating would have returned EFAULT.",
        "prefix-same-as-touching",
    ),
    Rule(
        lambda seen: (
            seen.outcome.died == "SIGSEGV" and seen.before.table[seen.outcome.page or 0] == "guard"
        ),
        "A guard forbids every access: the process is ended by SIGSEGV.",
        "prefix-guard-region",
    ),
    Rule(
        lambda seen: seen.outcome.died == "SIGSEGV",
        "The protection of the page forbids this access: the process is ended by SIGSEGV.",
    ),
    Rule(lambda seen: bool(seen.outcome.died), "The process was ended."),
    Rule(
        lambda seen: (
            seen.outcome.error == "EFAULT" and seen.did("MADV_POPULATE_READ", "MADV_POPULATE_WRITE")
        ),
        "Where a touch would be ended by a signal, populating returns EFAULT; the pages before "
        "it are populated.",
        "error-efault",
    ),
    Rule(
        lambda seen: (
            seen.outcome.error == "EINVAL" and seen.did("MADV_POPULATE_READ", "MADV_POPULATE_WRITE")
        ),
        "Populating needs the permission that the touch would need, and answers EINVAL without it.",
        "permission-r",
    ),
    Rule(
        lambda seen: seen.outcome.error == "EINVAL" and seen.did("MADV_FREE"),
        "MADV_FREE is for private anonymous memory alone.",
        "discard-free",
    ),
    Rule(
        lambda seen: (
            seen.outcome.error == "EINVAL"
            and seen.did(*GIVING_BACK)
            and any("locked" in each for each in seen.before.access[seen.chosen])
        ),
        "Locked pages may not be given back.",
        "lock-pins",
    ),
    Rule(
        lambda seen: (
            seen.private and seen.did("MADV_REMOVE") and seen.outcome.error in ("EINVAL", "EACCES")
        ),
        "MADV_REMOVE frees storage that is shared; private memory has none to free.",
        "discard-remove",
    ),
    Rule(
        lambda seen: seen.outcome.error == "ENOMEM" and seen.did("mlock"),
        "mlock answers ENOMEM where a page cannot be had, or RLIMIT_MEMLOCK leaves no room.",
        "lock-errno",
    ),
    Rule(lambda seen: bool(seen.outcome.error), "The kernel refused: {message}."),
    # Touching and populating
    Rule(
        lambda seen: seen.did(*READS) and bool(seen.became("huge zero page")),
        "A read fault where huge pages are welcome maps the huge zero page: one fault, no memory.",
        "zero-huge",
    ),
    Rule(
        lambda seen: seen.did(*READS) and bool(seen.became("zero page")),
        "A read fault in private anonymous memory maps the shared zero page: it takes no memory.",
        "read-zero-page",
    ),
    Rule(
        lambda seen: seen.did(*WRITES) and bool(seen.became("anonymous", "zero page")),
        "A write replaces the zero page by a page of the process's own: a fault, and memory.",
        "write-replaces-zero-page",
    ),
    Rule(
        lambda seen: (
            seen.did(*WRITES, "mlock")
            and seen.has_file
            and seen.private
            and bool(seen.became("anonymous"))
        ),
        "A write to a private mapping of a file breaks copy-on-write: the process gets a copy, "
        "and the page cache keeps the original.",
        "dirty-private-keeps-cache",
    ),
    Rule(
        lambda seen: _touched(seen) and seen.ground.step_pages == 1 and bool(seen.became("huge")),
        "Where huge pages are welcome, one fault brings a huge page.",
        "zero-huge-written",
    ),
    Rule(
        lambda seen: seen.did(*READS) and seen.ground.step_pages > 1 and bool(seen.became("huge")),
        "There is no huge zero page for hugetlb: reading takes a huge page from the pool.",
        "zero-not-of-hugetlb",
    ),
    Rule(
        lambda seen: _touched(seen) and seen.ground.step_pages > 1 and bool(seen.became("huge")),
        "One fault brings a huge page from the pool, filled with zeros.",
        "fault-first-touch",
    ),
    Rule(
        lambda seen: (
            seen.did("write")
            and bool(seen.became("anonymous", ABSENT))
            and seen.released("protected")
        ),
        "The write was noticed, also where nothing was there yet: one fault lifts the protection "
        "of userfaultfd, another brings the page.",
        "snapshot-kernel",
    ),
    Rule(
        lambda seen: seen.did("write") and bool(seen.became("anonymous", ABSENT)),
        "A write fault in anonymous memory takes a page, fills it with zeros and maps it writable.",
        "fault-first-touch",
    ),
    Rule(
        lambda seen: (
            seen.did("MADV_POPULATE_WRITE", "mlock") and bool(seen.became("anonymous", ABSENT))
        ),
        "Populating takes the faults in advance: each page is there and writable.",
        "write-makes-writable",
    ),
    Rule(
        lambda seen: (
            seen.did(*READS) and seen.outcome.major > 0 and bool(seen.stayed("hole", "storage"))
        ),
        "Reading a hole fills the page cache with zeros; the file gets no block. A page that was "
        "not cached makes it a major fault, although there is nothing to be read from the disk.",
        "read-allocates-no-block",
    ),
    Rule(
        lambda seen: (
            seen.did(*WRITES)
            and seen.outcome.major > 0
            and bool(seen.had("hole", "storage"))
            and bool(seen.became("cached", strip="cache"))
        ),
        "It was not in the page cache, which makes it a major fault, although a hole is not read "
        "from the disk; read-ahead has brought its neighbours into the page cache as well.",
        "fault-major",
    ),
    Rule(
        lambda seen: (
            seen.outcome.major > 0
            and bool(seen.had("hole", "storage") + seen.had("reserved", "storage"))
            and not seen.had("data", "storage")
        ),
        "The page was not cached, which makes it a major fault, although there is nothing to be "
        "read from the disk.",
        "fault-major",
    ),
    Rule(
        lambda seen: seen.outcome.major > 0,
        "The fault waited for the disk: a major one.",
        "fault-major",
    ),
    Rule(
        lambda seen: (
            seen.did("read")
            and 0 < seen.outcome.minor + seen.outcome.major < seen.became("of the file", ABSENT)
        ),
        "A read fault in a file also maps the pages around it that are in the page cache.",
        "fault-around",
    ),
    Rule(
        lambda seen: seen.did(*WRITES) and seen.became("dirty", strip="cache") > seen.step.count,
        "A write to a page of a large folio dirties all of the folio.",
        "folio-dirty-whole",
    ),
    Rule(
        lambda seen: seen.did(*WRITES) and bool(seen.became("dirty", strip="cache")),
        "A write fault in a shared file makes the page writable and counts it as dirty, to be "
        "written back.",
        "dirty-write",
    ),
    Rule(
        lambda seen: (
            seen.did(*READS)
            and bool(seen.became("cached", strip="cache"))
            and bool(seen.stayed("hole", "storage"))
        ),
        "Reading a hole fills the page cache with zeros; the file gets no block.",
        "read-allocates-no-block",
    ),
    Rule(
        lambda seen: (
            seen.did(*READS, "mlock")
            and not seen.ground.backing.on_disk
            and bool(seen.became("cached", strip="cache"))
        ),
        "The storage is memory: reading a hole allocates it as well.",
        "read-allocates-no-block",
    ),
    Rule(
        lambda seen: (
            seen.did(*WRITES)
            and not seen.ground.backing.on_disk
            and bool(seen.became("cached", strip="cache"))
        ),
        "The storage is memory: each page that is written gets some, and is mapped writable.",
        "write-makes-writable",
    ),
    Rule(
        lambda seen: (
            _touched(seen)
            and seen.ground.kind == "anon"
            and not seen.private
            and bool(seen.became("of the file"))
        ),
        "Shared anonymous memory is a file of the kernel's own: its pages are allocated also for a "
        "read.",
        "zero-not-of-files",
    ),
    Rule(
        lambda seen: seen.did(*WRITES) and any(seen.became(word, ABSENT) for word in seen.of_file),
        "The pages are now in the page table, and writable; they are the file's own.",
        "write-makes-writable",
    ),
    Rule(
        lambda seen: (
            seen.did(*READS, "mlock") and any(seen.became(word, ABSENT) for word in seen.of_file)
        ),
        "The pages are now in the page table; the file's pages themselves are shared with it.",
        "read-makes-readable",
    ),
    Rule(
        lambda seen: seen.did(*WRITES) and seen.released("protected"),
        "The write was noticed: the kernel lifted the protection of userfaultfd and went on.",
    ),
    Rule(
        lambda seen: (
            seen.private
            and seen.did("write")
            and seen.outcome.minor > 0
            and (seen.step.process == CHILD or seen.act.child is not None)
        ),
        "The fork had write-protected the page: a fault gives the one who writes a copy, or the "
        "page itself where nobody shares it any more.",
        "fork-protects-private",
    ),
    Rule(
        lambda seen: seen.did("write") and seen.outcome.minor > 0,
        "It was in the page table, but not writable: a fault made it so.",
        "write-after-read",
    ),
    Rule(
        lambda seen: seen.did("read") and seen.outcome.minor == 0 and not seen.changed,
        "Everything was in the page table already: no fault.",
        "fault-first-touch",
    ),
    Rule(
        lambda seen: seen.did("write") and seen.outcome.minor == 0 and not seen.changed,
        "Everything was in the page table already, and writable: no fault.",
        "fault-first-touch",
    ),
    Rule(
        lambda seen: (
            seen.did("MADV_POPULATE_WRITE") and seen.outcome.minor > 0 and not seen.changed
        ),
        "Everything was in the page table, but not writable: populating took the faults that make "
        "it so.",
        "write-makes-writable",
    ),
    Rule(
        lambda seen: seen.did("MADV_POPULATE_READ", "MADV_POPULATE_WRITE") and not seen.changed,
        "Everything was populated already.",
        "read-makes-readable",
    ),
    # Advice and giving back
    Rule(
        lambda seen: seen.did("MADV_WILLNEED") and bool(seen.became("cached", strip="cache")),
        "The file is read ahead into the page cache, and nothing is mapped.",
        "willneed-is-a-hint",
    ),
    Rule(
        lambda seen: seen.did("MADV_WILLNEED") and not seen.outcome.error,
        "A hint: it maps no page.",
        "willneed-is-a-hint",
    ),
    Rule(
        lambda seen: seen.did("MADV_COLLAPSE") and bool(seen.became("huge")),
        "The pages were copied into a huge page.",
    ),
    Rule(
        lambda seen: (
            seen.did("MADV_DONTNEED") and any(seen.became(ABSENT, word) for word in seen.own)
        ),
        "Private pages are discarded for good: the next read sees zeros, or the file.",
        "discard-dontneed",
    ),
    Rule(
        lambda seen: (
            seen.did("MADV_DONTNEED") and any(seen.became(ABSENT, word) for word in seen.of_file)
        ),
        "The entries of the page table are dropped; the pages stay in the page cache.",
        "discard-dontneed",
    ),
    Rule(
        lambda seen: (
            seen.did("MADV_REMOVE", "punch hole") and bool(seen.became("hole", strip="storage"))
        ),
        "The storage is freed, and with it the pages of the page cache.",
        "discard-punch-hole",
    ),
    Rule(
        lambda seen: seen.did("MADV_FREE") and bool(seen.stayed("anonymous")),
        "The kernel may take these pages when memory is short; until then they are here.",
        "discard-free",
    ),
    Rule(
        lambda seen: seen.did("MADV_PAGEOUT") and bool(seen.became("swapped")),
        "The pages went to swap.",
    ),
    Rule(
        lambda seen: seen.did("MADV_PAGEOUT") and bool(seen.became(ABSENT, "anonymous")),
        "The pages that MADV_FREE had offered were taken: the next read sees zeros.",
        "discard-free",
    ),
    Rule(
        lambda seen: seen.did("MADV_PAGEOUT", "MADV_COLD") and not seen.changed,
        "Nothing was reclaimed: anonymous memory needs swap for that, and pages in use stay.",
    ),
    Rule(
        lambda seen: seen.did("evict") and bool(seen.became("not cached", strip="cache")),
        "What was clean and not mapped has left the page cache.",
    ),
    Rule(
        lambda seen: (
            seen.did("evict")
            and not seen.ground.backing.on_disk
            and bool(seen.now("cached", "cache"))
        ),
        "The storage of this file is memory: there is nowhere to evict its pages to.",
    ),
    Rule(
        lambda seen: (
            seen.did("evict")
            and bool(seen.now("cached", "cache"))
            and bool(seen.stayed("of the file"))
        ),
        "Mapped pages stay in the page cache: drop them from the page table first.",
    ),
    # File, protection, lock, process
    Rule(
        lambda seen: (
            seen.did("fallocate")
            and not seen.became("cached", strip="cache")
            and bool(seen.became("reserved", strip="storage"))
        ),
        "Storage is reserved; fallocate brings no page into the page cache or the page table.",
        "fallocate-maps-nothing",
    ),
    Rule(
        lambda seen: seen.did("fallocate") and bool(seen.became("cached", strip="cache")),
        "The storage is memory, and it is there now; the page table is not filled.",
        "fallocate-maps-nothing",
    ),
    Rule(
        lambda seen: seen.did("extend") and bool(seen.became("hole", BEYOND, "storage")),
        "The file is longer: what is new is a hole.",
    ),
    Rule(
        lambda seen: seen.did("truncate", "extend") and bool(seen.became(BEYOND, strip="cache")),
        "The file is shorter: what lies beyond its end has left the page cache and the page table.",
    ),
    Rule(
        lambda seen: seen.did("msync") and bool(seen.became("cached", "dirty", "cache")),
        "The dirty pages were written back; where they are mapped they are write-protected again, "
        "and the next write to each is a fault.",
        "write-once-until-sync",
    ),
    Rule(
        lambda seen: seen.did("userfaultfd protect") and seen.stands("protected"),
        "A write to these pages will be noticed; a snapshot is made so.",
        "snapshot-kernel",
    ),
    Rule(
        lambda seen: seen.did("MADV_GUARD_INSTALL") and bool(seen.became("guard")),
        "A guard takes the place of the pages: any access is a SIGSEGV.",
        "prefix-guard-region",
    ),
    Rule(
        lambda seen: seen.did("mlock on fault") and seen.stands("locked"),
        "Nothing was populated: what is there is locked, and what comes from now on.",
        "lock-on-fault",
    ),
    Rule(
        lambda seen: seen.did("mlock") and seen.stands("locked"),
        "The pages may not be taken away any more.",
        "lock-pins",
    ),
    Rule(
        lambda seen: (
            seen.did("fork")
            and seen.private
            and seen.act.child is not None
            and set(seen.act.child.table) != {ABSENT}
        ),
        "The child has the same pages, write-protected in both: the next write to each is a "
        "fault and a copy.",
        "fork-protects-private",
    ),
    Rule(
        lambda seen: seen.did("fork") and seen.private and seen.act.child is not None,
        "The child's page table is empty: a fork copies no entries that a fault can bring again.",
    ),
    Rule(
        lambda seen: seen.did("munlock") and seen.released("locked"),
        "The pages may be taken away again.",
        "lock-pins",
    ),
    Rule(
        lambda seen: seen.did("userfaultfd release") and seen.released("protected"),
        "Writes to these pages are not noticed any more.",
    ),
    Rule(
        lambda seen: seen.did("fork") and seen.act.child is not None,
        "The child maps the same memory; its page table fills as it touches.",
        "fork-leaves-shared",
    ),
    Rule(
        lambda seen: seen.did("end child"),
        "The child has exited: what only it had is free, and what it shared is its parent's alone.",
    ),
    Rule(
        lambda seen: seen.step.operation.startswith("mprotect") and bool(seen.became(ABSENT)),
        "The protection is another, and a huge page had to be split for it: a shared one has left "
        "the page table, and comes back from the page cache.",
    ),
    Rule(
        lambda seen: seen.step.operation.startswith("mprotect") and seen.changed,
        "The protection is another; the pages stay.",
    ),
    Rule(lambda seen: not seen.changed, "Nothing has changed that can be seen."),
    Rule(lambda seen: True, "Done."),
)


def why(ground: Ground, act: Act, before: Strips) -> Reason:
    """The first sentence that fits what was seen."""
    after = act.of(act.step.process) or act.strips
    seen = Seen(ground, act, before, after)
    rule = next(rule for rule in RULES if rule.fits(seen))
    message = act.outcome.message[:1].lower() + act.outcome.message[1:]
    return Reason(rule.says.replace("{message}", message), rule.promise)

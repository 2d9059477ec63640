"""What to write into a program for a candidate: the line of C, and of the program's language.

Sources: madvise(2), mlock2(2); mmap.madvise of Python; memmap2::Advice and libc of Rust;
golang.org/x/sys/unix; MappedByteBuffer.load and the options of HotSpot.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from prefault_kit.kernel.syscalls import ADVICE
from prefault_kit.kernel.tracer import MLOCK_ONFAULT
from prefault_kit.studies.trial.candidates import ANONYMOUS, CANDIDATES, FILES, Candidate
from prefault_kit.studies.trial.language import GO, JAVA, PYTHON, RUST
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.result import Trial

READ, WRITE, HUGE = "MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "MADV_HUGEPAGE"
PYTHON_NAMES = (
    "MADV_NORMAL", "MADV_RANDOM", "MADV_SEQUENTIAL", "MADV_WILLNEED", "MADV_HUGEPAGE",
    "MADV_NOHUGEPAGE",
)  # fmt: skip
"""Of those that are tried, what Python's mmap has a name for."""
RUST_NAMES = {
    "MADV_RANDOM": "Random", "MADV_SEQUENTIAL": "Sequential", "MADV_WILLNEED": "WillNeed",
    "MADV_HUGEPAGE": "HugePage", "MADV_NOHUGEPAGE": "NoHugePage",
    "MADV_POPULATE_READ": "PopulateRead", "MADV_POPULATE_WRITE": "PopulateWrite",
}  # fmt: skip
"""The same of memmap2."""
GO_NAMELESS = ("MADV_COLLAPSE",)
"""What older versions of golang.org/x/sys/unix have no name for."""
MALLOC = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"


def fitting(trial: Trial, candidate: Candidate) -> list[Group]:
    """The chosen mappings that a candidate is for; all of them if it is for none in particular."""
    found = [
        each
        for each in trial.chosen
        if each.kind in candidate.kinds and set(candidate.access) <= set(each.access)
    ]
    return found or list(trial.chosen)


def languages(trial: Trial, groups: Sequence[Group]) -> list[str]:
    """What the programs are written in that made them, by the size of what each made."""
    weight: dict[str, int] = {}
    for each in groups:
        name = each.language or _by_name(trial.command[0])
        weight[name] = weight.get(name, 0) + each.length
    return sorted(weight, key=lambda name: -weight[name]) or [_by_name(trial.command[0])]


def _by_name(program: str) -> str:
    name = os.path.basename(program)
    return PYTHON if name.startswith("python") else JAVA if name == "java" else ""


def lines(trial: Trial, name: str) -> list[str]:
    """What to write into the program for a candidate: C first, then its own terms.

    Empty for a variant, which is a command of its own.
    """
    candidate = CANDIDATES.get(name)
    if candidate is None:
        return []
    if candidate.drop_populate:
        return ["take MAP_POPULATE out of the flags of mmap"]
    if candidate.drop_advice:
        named = dict.fromkeys(word for group in trial.chosen for word in group.advice)
        return [f"take out madvise(..., {', '.join(named) or 'advice'})"]
    groups = fitting(trial, candidate)
    written_in = languages(trial, groups)
    found = [candidate.line]
    for each in written_in:
        if each in TERMS:
            found += TERMS[each](candidate, groups)
    by_malloc = any(each.kind in ("anonymous private", "heap") for each in groups)
    if HUGE in candidate.advices and by_malloc and written_in[0] not in (JAVA, GO):
        found.append(f"where malloc made it, without a change: {MALLOC}")
    return found


def _python(candidate: Candidate, groups: Sequence[Group]) -> list[str]:
    """For an array, and for an mmap.mmap, which takes the number of what it has no name for."""
    found = []
    if WRITE in candidate.advices and candidate.advices[0] == WRITE:
        found.append("in Python: prefault_kit.preallocate(array), before it is filled")
    elif READ in candidate.advices:
        found.append('in Python: prefault_kit.prefault(array, "read"), before it is read')
    calls = [
        f"memory.madvise({f'mmap.{each}' if each in PYTHON_NAMES else ADVICE[each]})"
        for each in candidate.advices
        if each != MLOCK_ONFAULT
    ]
    nameless = [each for each in candidate.advices if each in ADVICE and each not in PYTHON_NAMES]
    comment = "".join(f"  # {ADVICE[each]} is {each}" for each in nameless)
    if calls:
        found.append(f"in Python, for an mmap.mmap: {'; '.join(calls)}{comment}")
    return found


def _rust(candidate: Candidate, groups: Sequence[Group]) -> list[str]:
    """By memmap2, where it has the advice; by libc for any memory."""
    found = []
    if all(each in RUST_NAMES for each in candidate.advices):
        calls = (f"map.advise(Advice::{RUST_NAMES[each]})?;" for each in candidate.advices)
        found.append(f"in Rust, for a memmap2 map: {' '.join(calls)}")
    calls = (
        "libc::mlock2(p, n, libc::MLOCK_ONFAULT);"
        if each == MLOCK_ONFAULT
        else f"libc::madvise(p, n, libc::{each});"
        for each in candidate.advices
    )
    return [*found, f"in Rust, for any whole pages: unsafe {{ {' '.join(calls)} }}"]


def _go(candidate: Candidate, groups: Sequence[Group]) -> list[str]:
    """For what unix.Mmap gave: the runtime's own heap takes no advice."""
    calls = []
    for each in candidate.advices:
        if each == MLOCK_ONFAULT:
            calls.append("unix.Syscall(unix.SYS_MLOCK2, p, n, 1 /* MLOCK_ONFAULT */)")
        elif each in GO_NAMELESS:
            calls.append(f"unix.Madvise(memory, {ADVICE[each]} /* {each} */)")
        else:
            calls.append(f"unix.Madvise(memory, unix.{each})")
    return [f"in Go, for memory of unix.Mmap: {'; '.join(calls)}"]


def _java(candidate: Candidate, groups: Sequence[Group]) -> list[str]:
    """Options where it is the heap of the JVM, a call where it is a file that was mapped."""
    found = []
    options = ["-XX:+AlwaysPreTouch"] * (WRITE in candidate.advices)
    options += ["-XX:+UseTransparentHugePages"] * (HUGE in candidate.advices)
    anonymous = [each for each in groups if each.kind in ANONYMOUS]
    if options and anonymous:
        made = any(
            os.path.basename(place.path) == "libjvm.so"
            for each in anonymous
            for place in each.stack
        )
        where = "the heap of the JVM" if made else "the heap of the JVM, if it is that"
        found.append(f"in Java, for {where}: java {' '.join(options)}")
    if {READ, "MADV_WILLNEED"} & set(candidate.advices) and any(
        each.kind in FILES for each in groups
    ):
        found.append("in Java, for a MappedByteBuffer: buffer.load();")
    return found


TERMS: dict[str, Callable[[Candidate, Sequence[Group]], list[str]]] = {
    PYTHON: _python, RUST: _rust, GO: _go, JAVA: _java,
}  # fmt: skip

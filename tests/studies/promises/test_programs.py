"""prefault_kit.studies.promises.programs: the C says what the promise says, in the same words."""

import functools
import subprocess
import tempfile
from pathlib import Path

import pytest

from prefault_kit.studies.promises import PROMISES, Verdict, programs
from prefault_kit.studies.promises.checking import Question, check

WAIT_S = 120
PLACE = tempfile.TemporaryDirectory(prefix="prefault-programs-")
STATUS = {"holds": 0, "differs": 1, "not-testable": 4}
WARNINGS = ("-Wall", "-Wextra", "-Werror")
SHOWN = [promise.id for promise in programs.shown()]
MUST_HAVE = (
    "read-zero-page",
    "write-replaces-zero-page",
    "prefix-end-of-file",
    "prefix-guard-region",
    "error-efault",
    "error-no-huge-page",
    "error-ehwpoison",
    "permission-none",
    "permission-vvar",
    "map-populate-hides-errors",
    "dirty-write",
)
"""What a report is most likely about."""
WITHOUT = {
    "fault-major": "asks for an evicted file",
    "fault-lock": "needs a thread",
    "detour-kills-writers": "needs a thread",
    "oom-write": "needs a memory cgroup",
    "oom-read": "needs a memory cgroup",
    "zero-huge": "depends on the settings of huge pages",
    "zero-huge-written": "depends on the settings of huge pages",
    "folio-aligned": "maps a file in a way of its own",
    "snapshot-unpopulated": "needs a thread that answers userfaultfd",
    "snapshot-read": "needs a thread that answers userfaultfd",
    "snapshot-kernel": "needs a thread that answers userfaultfd",
    "snapshot-user-mode": "needs userfaultfd's write protection",
    "fault-random": "asks for an evicted file",
    "permission-another-process": "needs a process of another program",
    "permission-own-process": "calls what the C library has no name for",
    "error-hole-anywhere": "has the parts of error-enomem six times",
    "error-io": "needs a file of FUSE",
    "huge-64-kib": "depends on the settings of huge pages",
    "soft-dirty": "depends on the kernel's configuration",
    "discard-page-tables": "depends on the kernel's configuration",
    "seal-populates": "cannot let go of what it sealed",
    "seal-discards": "cannot let go of what it sealed",
    "droppable-populates": "calls what the C library has no name for",
    "droppable-dropped": "calls what the C library has no name for",
    "droppable-unlockable": "calls what the C library has no name for",
    "droppable-fork": "calls what the C library has no name for",
    "resident-guard": "looks in two ways at once",
}
"""The promises without a program, and why."""


@functools.cache
def compiled(source: str) -> Path:
    """The program, compiled once and without a warning."""
    place = Path(tempfile.mkdtemp(dir=PLACE.name))
    (place / "promise.c").write_text(source)
    run("gcc", *WARNINGS, "-o", "promise", "promise.c", cwd=place)
    return place / "promise"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that says nothing of errors."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, cwd=cwd)
    assert done.stderr == ""
    return done


def ran(source: str, place: Path, *words: str) -> tuple[int, list[str]]:
    """Run a program in a place, where it leaves nothing: its status and its lines."""
    done = run(compiled(source), *words, cwd=place)
    assert not list(place.iterdir())
    return done.returncode, done.stdout.splitlines()


@functools.cache
def judged(name: str, kind: str, directory: str) -> Verdict:
    """What the kit says."""
    return check([Question(PROMISES[name], kind, directory)])[0]


def compare(name: str, kind: str, place: Path, directory: Path) -> None:
    """The program and the promise say the same on the same memory."""
    verdict = judged(name, kind, str(directory))
    words = [str(directory)] if kind.endswith(" file") else []
    status, lines = ran(programs.c(PROMISES[name], kind), place, *words)
    assert lines[0].startswith(f"{name}, {kind}, Linux ")
    assert lines[1] == f"claim: {verdict.claim} ({verdict.source})"
    assert lines[2] == f"expected: {verdict.expected}"
    assert status == STATUS[verdict.verdict], lines
    if verdict.observed is None:
        assert lines[3].startswith("verdict: not testable: ")
    else:
        why = f"differs: {verdict.reason}" if verdict.reason else verdict.verdict
        assert lines[3:] == [f"observed: {verdict.observed}", f"verdict: {why}"]


FIRST = {name: next(iter(PROMISES[name].on)) for name in SHOWN}
ON_DISK = [name for name, kind in FIRST.items() if kind.endswith(" file")]
IN_MEMORY = [name for name in SHOWN if name not in ON_DISK]


@pytest.mark.parametrize("name", IN_MEMORY)
def test_it_says_what_the_promise_says(name: str, tmp_path: Path) -> None:
    """On the first kind of memory that it is about."""
    compare(name, FIRST[name], tmp_path, tmp_path)


@pytest.mark.parametrize("name", ON_DISK)
def test_it_says_so_of_files(name: str, tmp_path: Path, disk_directory: Path) -> None:
    """On each file system."""
    compare(name, FIRST[name], tmp_path, disk_directory)


KINDS = sorted({kind for promise in programs.shown() for kind in promise.on})


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_so_on_every_kind_of_memory(kind: str, tmp_path: Path) -> None:
    """Each with what it keeps, and what its discarding leaves."""
    for name in ("write-keeps-content", "discard-dontneed", "write-breaks-cow"):
        if kind in PROMISES[name].on:
            compare(name, kind, tmp_path, tmp_path)


def test_what_has_no_program_is_known() -> None:
    """With the reason; the others have one, the errnos and prefixes of the cover letter all."""
    assert set(PROMISES) - set(SHOWN) == set(WITHOUT)
    assert set(MUST_HAVE) <= set(SHOWN)
    with pytest.raises(ValueError, match="fault-lock has no form in C; prefault-kit check --as-c"):
        programs.c(PROMISES["fault-lock"])


def test_no_part_is_for_nothing() -> None:
    """Each part of a file belongs to a promise, or is used by one."""
    parts = {each.partition(":")[0] for each in programs._parts()}
    called = "".join(
        programs.c(promise, kind) for promise in programs.shown() for kind in promise.on
    )
    used = programs._words(called)
    assert [each for each in parts if each not in PROMISES and not used & set(each.split())] == []
    assert {each for each in parts if "-" in each} <= set(PROMISES)


def test_memory_that_it_is_not_about() -> None:
    """Is told, with the kinds that it is about."""
    with pytest.raises(ValueError, match="read-zero-page is about private anon, not 'shared x'"):
        programs.c(PROMISES["read-zero-page"], "shared x")


ANOTHER_KERNEL = """
#include <errno.h>
#define madvise(address, length, advice) \\
    ((advice) == {advice} ? (errno = EINVAL, -1) : madvise(address, length, advice))
"""


def planted(name: str, code: str) -> str:
    """A program with code behind its headers."""
    source = programs.c(PROMISES[name])
    last = source.rindex("#include <")
    at = source.index("\n", last) + 1
    return source[:at] + code + source[at:]


def test_a_kernel_without_the_advice_is_a_skip(tmp_path: Path) -> None:
    """Found by what it answers, with KSFT_SKIP."""
    for advice in ("MADV_POPULATE_READ", "MADV_POPULATE_WRITE"):
        status, lines = ran(planted("error-efault", ANOTHER_KERNEL.format(advice=advice)), tmp_path)
        assert status == 4
        assert lines[3] == (
            f"verdict: not testable: this kernel has no {advice}, which came with Linux 5.14: "
            "EINVAL"
        )


def test_it_may_be_built_as_gnu_source(tmp_path: Path) -> None:
    """A build that defines _GNU_SOURCE for every file takes it without a warning."""
    status, _ = ran("#define _GNU_SOURCE 1\n" + programs.c(PROMISES["error-efault"]), tmp_path)
    assert status == 0


WRITE_FOR_READ = """
#define madvise(address, length, advice) \\
    madvise(address, length, (advice) == MADV_POPULATE_READ ? MADV_POPULATE_WRITE : (advice))
"""


def test_another_kernel_differs(tmp_path: Path) -> None:
    """One that writes where it should read: exit 1, with what was seen."""
    status, lines = ran(planted("read-zero-page", WRITE_FOR_READ), tmp_path)
    assert status == 1
    assert lines[3].startswith("observed: 512 of 512 pages present, 0 of the zero page, Rss ")
    assert lines[4] == "verdict: differs"


def test_files_in_memory_are_a_skip(tmp_path: Path) -> None:
    """A directory on tmpfs is no place for what a disk does."""
    status, lines = ran(programs.c(PROMISES["write-once-until-sync"]), tmp_path, "/dev/shm")
    assert status == 4
    assert lines[-1].endswith("files are in memory there, give a directory on a disk: /dev/shm")
    status, lines = ran(programs.c(PROMISES["write-once-until-sync"]), tmp_path, "/nowhere")
    assert status == 4
    assert "no file can be made there" in lines[-1]

"""prefault_kit.studies.trial.lines: what to write into a program, in its own terms."""

import mmap
from dataclasses import replace

import pytest

from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.language import LANGUAGES
from prefault_kit.studies.trial.lines import PYTHON_NAMES, lines
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.places import Place
from tests.studies.trial.made import ARRAY, FILE, PLAIN, trial


def of(name: str, written_in: str, *groups: Group) -> str:
    """The lines of a program in one language, which made an array unless told otherwise."""
    made = tuple(replace(each, language=written_in) for each in groups or (ARRAY,))
    return "\n".join(lines(trial(*PLAIN, groups=made, chosen=made), name))


@pytest.mark.parametrize(
    ("name", "written_in", "said"),
    [
        ("POPULATE_WRITE", "Python", "prefault_kit.preallocate(array)"),
        ("POPULATE_WRITE", "Python", "memory.madvise(23)  # 23 is MADV_POPULATE_WRITE"),
        ("POPULATE_READ", "Python", 'prefault_kit.prefault(array, "read")'),
        ("HUGEPAGE", "Python", "memory.madvise(mmap.MADV_HUGEPAGE)"),
        ("POPULATE_WRITE", "Rust", "map.advise(Advice::PopulateWrite)?;"),
        ("POPULATE_WRITE", "Rust", "libc::madvise(p, n, libc::MADV_POPULATE_WRITE);"),
        ("MLOCK_ONFAULT", "Rust", "unsafe { libc::mlock2(p, n, libc::MLOCK_ONFAULT); }"),
        ("HUGEPAGE", "Go", "unix.Madvise(memory, unix.MADV_HUGEPAGE)"),
        ("COLLAPSE", "Go", "unix.Madvise(memory, 25 /* MADV_COLLAPSE */)"),
        ("HUGEPAGE+POPULATE_WRITE", "Java", "-XX:+AlwaysPreTouch -XX:+UseTransparentHugePages"),
        ("POPULATE_WRITE", "Java", "the heap of the JVM, if it is that"),
        ("HUGEPAGE", "C", "GLIBC_TUNABLES"),
    ],
)
def test_terms(name: str, written_in: str, said: str) -> None:
    """Beside the line of C, which comes first."""
    found = of(name, written_in)
    assert said in found
    assert found.startswith(CANDIDATES[name].line)


def test_a_heap_that_the_jvm_made() -> None:
    """Is its heap; a file that it mapped is loaded."""
    heap = replace(ARRAY, stack=(Place("/opt/lib/libjvm.so", 8),))
    assert "for the heap of the JVM: java -XX:+AlwaysPreTouch" in of("POPULATE_WRITE", "Java", heap)
    assert "buffer.load()" in of("WILLNEED", "Java", FILE)
    assert "buffer.load()" not in of("SEQUENTIAL", "Java", FILE)


def test_what_is_only_of_other_programs() -> None:
    """A C program is told of no Python, and Java and Go of no malloc."""
    for each in CANDIDATES:
        assert not any(f"in {other}" in of(each, "C") for other in LANGUAGES)
    for written_in in ("Java", "Go"):
        assert "GLIBC" not in of("HUGEPAGE", written_in)


def test_the_largest_part_decides_the_order() -> None:
    """Of a shell script that starts a JVM and a Python."""
    groups = (
        replace(ARRAY, language="Python", length=1 << 20),
        replace(ARRAY, language="Rust", length=1 << 30),
    )
    found = "\n".join(lines(trial(*PLAIN, groups=groups, chosen=groups), "POPULATE_WRITE"))
    assert 0 < found.index("in Rust") < found.index("in Python")


def test_where_the_language_is_not_known_the_name_of_the_program_helps() -> None:
    """As before records had a language; and nothing chosen is no error."""
    assert "preallocate" in lines(trial(*PLAIN), "POPULATE_WRITE")[1]
    for each in CANDIDATES:
        assert lines(trial(*PLAIN, chosen=(), groups=()), each)
    assert "MAP_POPULATE" in lines(trial(*PLAIN), "drop MAP_POPULATE")[0]
    assert lines(trial(*PLAIN), "a variant") == []


def test_names_are_those_that_there_are() -> None:
    """Python's mmap has each that is named, and every language has a line for every advice."""
    assert all(hasattr(mmap, each) for each in PYTHON_NAMES)
    for name, each in CANDIDATES.items():
        for written_in in LANGUAGES if each.advices else ():
            assert of(name, written_in)

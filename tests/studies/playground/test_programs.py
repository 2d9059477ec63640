"""prefault_kit.studies.playground.programs: the exported program prints what was seen."""

import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.studies.playground import OPERATIONS, Act, Ground, Playing, Step, programs

WAIT_S = 120
ABSENT = ("not present", "swapped", "guard")
UNLIKE = ("evict", "MADV_COLLAPSE", "MADV_GUARD_INSTALL", "truncate", "mprotect none")
"""What depends on more than the steps, or needs a place of its own below."""
IN_MEMORY = [
    {"kind": kind, "sharing": sharing}
    for kind in ("anon", "memfd")
    for sharing in ("private", "shared")
]
ON_DISK = [{"sharing": "shared"}, {"sharing": "private", "content": "data"}]
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-Wno-unused-value")


def present(act: Act) -> int:
    """The pages that are present after it."""
    return sum(word not in ABSENT for word in act.strips.table)


def history(ground: Ground) -> list[Step]:
    """Every operation that can be done to a ground, each on a few pages."""
    names = [name for name, each in OPERATIONS.items() if not each.why_not(ground)]
    steps = [
        Step(name, 2 * number % 48, 8) for number, name in enumerate(names) if name not in UNLIKE
    ]
    steps += [Step("mprotect none", 20, 2), Step("MADV_POPULATE_READ", 16, 8)]
    if ground.backing.has_file:
        steps += [Step("truncate", 60), Step("MADV_POPULATE_WRITE", 52, 12)]
    return steps


def printed(*command: str, cwd: Path) -> list[str]:
    """The lines of a program."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", IN_MEMORY, ids=lambda kind: " ".join(kind.values()))
def test_the_same_counts_are_printed(kind: dict[str, str], tmp_path: Path) -> None:
    """By Python, and by C that compiles without a warning."""
    compare(Ground(pages=64, **kind), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ON_DISK, ids=lambda kind: " ".join(kind.values()))
def test_the_same_counts_of_a_file(
    kind: dict[str, str], tmp_path: Path, disk_directory: Path
) -> None:
    """On each file system, empty and full of data."""
    where = str(disk_directory)
    compare(Ground("file", pages=64, directory=where, **kind), tmp_path)  # type: ignore[arg-type]


def compare(ground: Ground, place: Path) -> None:
    """Do every operation, and run the programs that do the same."""
    steps = history(ground)
    with Playing(ground) as playing:
        acts = playing.do_all(steps)
    assert [act.step for act in acts] == steps
    expected = programs.lines(
        [(act.outcome.minor, act.outcome.error, present(act)) for act in acts]
    )
    (place / "program.py").write_text(programs.python(ground, steps))
    assert printed(sys.executable, "program.py", cwd=place) == expected
    (place / "program.c").write_text(programs.c(ground, steps))
    assert printed("gcc", *WARNINGS, "program.c", cwd=place) == []
    head, *rest = printed("./a.out", cwd=place)
    assert head.startswith("64 pages of ")
    assert rest == expected


def test_what_a_child_did_is_left_out() -> None:
    """As a comment, in both."""
    steps = [Step("fork"), Step("write", 3, 2, "child")]
    for write, mark in ((programs.python, "#"), (programs.c, "//")):
        assert f"{mark} the child's, left out: write: pages 3 to 4" in write(Ground(pages=8), steps)


def test_a_place_is_quoted() -> None:
    """A directory's name is no code."""
    ground = Ground(kind="file", pages=8, directory='/a "b"\\c')
    assert "'/a \"b\"\\\\c'" in programs.python(ground, [])
    assert r'"/a \042b\042\134c"' in programs.c(ground, [])


def test_huge_pages_are_welcome_where_they_were(tmp_path: Path) -> None:
    """Advised against otherwise, in both; a short program has no warning either."""
    for thp in (True, False):
        ground = Ground(pages=512, thp=thp)
        assert f"thp={None if thp else False}" in programs.python(ground, [])
        source = programs.c(ground, [Step("read")])
        assert f"if ({int(not thp)})\n        madvise(p, SIZE, MADV_NOHUGEPAGE)" in source
    (tmp_path / "program.c").write_text(source)
    assert printed("gcc", *WARNINGS, "program.c", cwd=tmp_path) == []

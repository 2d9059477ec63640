"""A history as a complete program, in Python and in C, that does the same and prints its counts.

Each program prints a line for each step: its number, its minor faults and the pages that are then
present, or the errno's name. What a child does is left out: a forked child waits, and ends with its
parent. The C touches as any program does, and is ended by SIGBUS where the Python prints EFAULT.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from string import Template

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.playground.ground import PARENT, Ground, Step
from prefault_kit.studies.playground.operations import OPERATIONS

HERE = Path(__file__).parent
UFFD = ("userfaultfd protect", "userfaultfd release")
CHILD = ("fork", "end child")


def lines(results: Sequence[tuple[int, str | None, int]]) -> list[str]:
    """What a program prints of steps: of each its minor faults, or errno's name, and the pages."""
    return [
        f"{number}: {error or f'{minor} faults'}, {present} present"
        for number, (minor, error, present) in enumerate(results, 1)
    ]


def python(ground: Ground, steps: Sequence[Step]) -> str:
    """The program in Python."""
    return _filled(
        "program.py.txt", ground, steps, _python_ground(ground), _python_step, "    ", "#"
    )


def c(ground: Ground, steps: Sequence[Step]) -> str:
    """The program in C, for ``cc program.c``."""
    return _filled("program.c.txt", ground, steps, _c_ground(ground), _c_step, "    ", "//")


def _filled(
    name: str,
    ground: Ground,
    steps: Sequence[Step],
    known: dict[str, str],
    line: object,
    indent: str,
    comment: str,
) -> str:
    assert callable(line)
    parts = _parts((HERE / name).read_text())
    done: list[str] = []
    begun = False
    for step in steps:
        if step.operation in UFFD and step.process == PARENT and not begun:
            done.append(parts["uffd setup"].rstrip())  # not earlier: it ends fault-around
            begun = True
        text = f"{step.operation}: pages {step.first} to {step.first + step.count - 1}"
        if step.process == PARENT:
            done.append(f"{indent}{line(step)}  {comment} {text}")
        else:
            done.append(f"{indent}{comment} the child's, left out: {text}")
    used = {step.operation for step in steps if step.process == PARENT}
    extra = "".join(
        parts[part] for part, names in (("uffd", UFFD), ("child", CHILD)) if used & set(names)
    )
    return Template(parts["main"]).substitute(
        known, extra=extra, steps="\n".join(done), pages=ground.pages
    )


def _parts(text: str) -> dict[str, str]:
    """The parts of a template, each under a line ``@@ name``."""
    found = {}
    for part in text.split("@@ ")[1:]:
        name, _, body = part.partition("\n")
        found[name] = body
    return found


def _python_ground(ground: Ground) -> dict[str, str]:
    words = [repr(ground.kind)]
    if ground.page_size_bytes != PAGE_SIZE_BYTES:
        words.append(f"page_size={ground.page_size_bytes}")
    if ground.backing.directory is not None:
        words.append(f"directory={ground.backing.directory!r}")
    fill = """\
    for at in range(0, m.size_bytes, PAGE):  # page by page: larger writes make larger folios
        os.pwrite(m.fd, b"\\1" * PAGE, at)
    os.fsync(m.fd)
"""
    return {
        "backing": f"Backing.of({', '.join(words)})",
        "sharing": repr(ground.sharing),
        "thp": "None" if ground.thp else "False",
        "fill": fill if ground.content == "data" else "",
    }


def _python_step(step: Step) -> str:
    code = OPERATIONS[step.operation].python
    return f"step(lambda offset, length: {code}, {step.first}, {step.count})"


def _c_ground(ground: Ground) -> dict[str, str]:
    backing = ground.backing
    flags = ["MAP_PRIVATE" if ground.sharing == "private" else "MAP_SHARED"]
    opened = "-1"
    log2 = backing.page_size_bytes.bit_length() - 1
    if ground.kind == "anon":
        flags.append("MAP_ANONYMOUS")
        if backing.is_hugetlb:
            flags += ["MAP_HUGETLB", f"({log2} << MAP_HUGE_SHIFT)"]
    elif ground.kind == "memfd":
        huge = f"MFD_HUGETLB | ({log2} << MAP_HUGE_SHIFT)" if backing.is_hugetlb else "0"
        opened = f'memfd_create("playground", {huge})'
    else:
        directory = _c_text(backing.find_directory() or ".")
        opened = f"open({directory}, O_TMPFILE | O_RDWR, 0600)"
    return {
        "flags": " | ".join(flags),
        "open": opened,
        "step_bytes": str(backing.page_size_bytes),
        "no_thp": "0" if ground.thp or backing.is_hugetlb else "1",
        "fill": "1" if ground.content == "data" else "0",
    }


def _c_text(text: str) -> str:
    """A string of C, with an octal escape for every byte that is not plain."""
    plain = (
        chr(each) if 32 <= each < 127 and each not in b'"\\' else f"\\{each:03o}"
        for each in os.fsencode(text)
    )
    return f'"{"".join(plain)}"'


def _c_step(step: Step) -> str:
    if step.operation in CHILD:
        return f"told({OPERATIONS[step.operation].c}, errno, 0);"
    return f"STEP({OPERATIONS[step.operation].c}, {step.first}, {step.count});"

"""A promise as a complete program in C, to attach to a report.

It says what is expected and what was observed in the words of the promise, and ends with 0 if it
holds, 1 if it differs and 4 (KSFT_SKIP) if it cannot be tested. Its parts are in ``c/``: a frame,
the functions that programs call, and for each promise what it does, in a file for each module here.
A promise that is not there, such as one that needs a thread or a cgroup, has no program.
"""

from __future__ import annotations

import functools
import os
import re
import textwrap
from pathlib import Path
from string import Template

from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import HUGE_PAGES, PAGES
from prefault_kit.studies.promises.promise import PROMISES, Promise

HERE = Path(__file__).parent / "c"
FRAME, TOOLS, ENDING = "frame", "tools", ".c.txt"
MARK = "@@ "
"""How the line begins that names a part of a file."""
INCLUDED = """errno.h fcntl.h linux/falloc.h sched.h signal.h stdarg.h stdint.h stdio.h stdlib.h
string.h sys/ioctl.h sys/mman.h sys/mount.h sys/prctl.h sys/resource.h sys/stat.h sys/syscall.h
sys/time.h sys/utsname.h sys/wait.h unistd.h""".split()
"""What every program includes; a part of it may include more."""
COLUMNS = 96
"""Of a comment."""
ASKED = {
    each: f"need_{each.__name__}"
    for each in (
        needs.populate,
        needs.page_tables,
        needs.page_states,
        needs.accounting,
        needs.cache_counts,
        needs.guard_regions,
        needs.poison,
        needs.large_folios,
        needs.fault_around,
    )
}
"""What asks for a need in C. A need that is not here, such as room for a file, is found where it
lacks, or asked for in the body."""


def shown() -> list[Promise]:
    """The promises that have a program, in the order of presentation."""
    return [promise for name, promise in PROMISES.items() if name in _bodies()]


def c(promise: Promise, kind: str | None = None) -> str:
    """The program that shows a promise on one kind of memory: the first that it is about.

    ValueError for a promise without a program, and for memory that it is not about.
    """
    if promise.id not in _bodies():
        raise ValueError(
            f"{promise.id} has no form in C; prefault-kit check --as-c lists those that have one"
        )
    kind = kind or next(iter(promise.on))
    if kind not in promise.on:
        raise ValueError(f"{promise.id} is about {', '.join(promise.on)}, not {kind!r}")
    calls = [ASKED[each] for each in promise.needs if each in ASKED]
    if needs.discard_huge in promise.needs and kind.endswith("hugetlb"):
        calls.append("need_discard_huge")
    memory = _memory(kind)
    body = Template(_bodies()[promise.id]).substitute(memory)
    tools, included = _tools("\n".join([body, *calls]), kind, memory)
    files = "static const char *directory" in tools
    about = f"{promise.claim} ({promise.source})."
    place = " [DIRECTORY]" if files else ""
    return Template(_template()).substitute(
        memory,
        title=f"{promise.id}: {kind}",
        about=_comment(about[0].upper() + about[1:]),
        build=f"cc -o promise {promise.id}.c && ./promise{place}",
        includes="\n".join(f"#include <{each}>" for each in sorted({*INCLUDED, *included})),
        expected=_text(promise.on[kind]),
        known="".join(
            f"    {{{_text(seen)},\n           {_text(why)}}},\n"
            for seen, why in promise.differs.items()
        ),
        id=_text(promise.id),
        memory=_text(kind),
        claim=_text(f"{promise.claim} ({promise.source})"),
        main=f"int main({'int argc, char **argv' if files else 'void'})",
        arguments="    if (argc > 1)\n        directory = argv[1];\n" if files else "",
        tools=tools,
        needs="".join(f"    {each}();\n" for each in calls),
        body=body,
    )


def _template() -> str:
    return (HERE / f"{FRAME}{ENDING}").read_text()


@functools.cache
def _parts() -> dict[str, str]:
    """What programs are made of, by the line that names each part: the tools, then the modules'."""
    tools = HERE / f"{TOOLS}{ENDING}"
    found: dict[str, str] = {}
    for path in (tools, *sorted(set(HERE.glob(f"*{ENDING}")) - {tools})):
        for part in re.split(rf"^{MARK}", path.read_text(), flags=re.M)[1:]:
            name, _, text = part.partition("\n")
            found[name] = text
    return found


@functools.cache
def _bodies() -> dict[str, str]:
    """What each promise does that has a program."""
    return {name: text for name, text in _parts().items() if name in PROMISES}


def _tools(text: str, kind: str, memory: dict[str, str]) -> tuple[str, list[str]]:
    """The tools that a text calls for, and those that these call for; and the headers they need.

    A part of a name with a colon is of the kind of memory behind it.
    """
    name_of_kind = kind.split()[1].replace("hugetlb", "anon")
    candidates: dict[str, str] = {}
    for words, part in _parts().items():
        name, _, wanted = words.partition(":")
        if name not in PROMISES and wanted in ("", name_of_kind):
            candidates[name] = Template(part).substitute(memory)
    taken: set[str] = set()
    used = _words(text)
    while more := {each for each in candidates if used & set(each.split())} - taken:
        taken |= more
        used |= _words("".join(candidates[each] for each in more))
    parts = "".join(part for name, part in candidates.items() if name in taken)
    included = re.findall(r"^#include <(.*)>\n", parts, re.M)
    return re.sub(r"^#include <.*>\n", "", parts, flags=re.M), included


def _words(text: str) -> set[str]:
    """The words of C, comments, strings and members left out."""
    return set(
        re.findall(r"(?<![.\w])\w+", re.sub(r'/\*.*?\*/|"(\\.|[^"\\])*"', " ", text, flags=re.S))
    )


def _memory(kind: str) -> dict[str, str]:
    """What a kind of memory is in C."""
    sharing, name = kind.split()
    flags = [f"MAP_{sharing.upper()}"]
    if name in ("anon", "hugetlb"):
        flags.append("MAP_ANONYMOUS")
    huge = name == "hugetlb"
    if huge:
        flags.append("MAP_HUGETLB")
    hole = "fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size)"
    return {
        "pages": str(HUGE_PAGES if huge else PAGES),
        "flags": " | ".join(flags),
        "step": "huge_page_bytes()" if huge else "page",
        "unmapped": '"too few huge pages are free, see vm.nr_hugepages"'
        if huge
        else "strerror(errno)",
        "no_thp": ""
        if huge
        else "    madvise(p, size, MADV_NOHUGEPAGE); /* small pages, whatever is set */\n",
        "directory": '"/dev/shm"' if name == "tmpfs" else '"."',
        "discard": hole if sharing == "shared" else "madvise(p, size, MADV_DONTNEED)",
    }


def _comment(text: str) -> str:
    """Text as lines of a comment."""
    return "\n * ".join(textwrap.wrap(text.replace("*/", "* /"), COLUMNS))


def _text(text: str) -> str:
    """A string of C, in several pieces if it is long; bytes that are not plain are octal."""
    lines = textwrap.wrap(text, COLUMNS - 16, break_on_hyphens=False) or [""]
    pieces = [f"{line} " for line in lines[:-1]] + lines[-1:]
    return "\n           ".join(f'"{_escaped(piece)}"' for piece in pieces)


def _escaped(text: str) -> str:
    return "".join(
        chr(each) if 32 <= each < 127 and each not in b'"\\' else f"\\{each:03o}"
        for each in os.fsencode(text)
    )

"""prefault_kit.studies.trial.places: where in a program a mapping was made."""

import os
import subprocess
from pathlib import Path

import pytest

from prefault_kit.kernel.tracer import Event, Tracer
from prefault_kit.studies.trial import places
from prefault_kit.studies.trial.places import Place, is_behind_call, named, parse_code
from tests.kernel import traced


def test_code_of_files_alone() -> None:
    """Not what the kernel maps, nor memory without a file; a path may have blanks."""
    text = (
        "1000-2000 r-xp 00000040 08:01 5   /lib/a b.so\n"
        "2000-3000 rw-p 00000000 08:01 5   /lib/a b.so\n"
        "3000-4000 r-xp 00000000 00:00 0   [vdso]\n"
        "4000-5000 rwxp 00000000 00:00 0 \n"
    )
    found = parse_code(text.splitlines(keepends=True))
    assert [(each.begin, each.offset, each.path) for each in found] == [
        (0x1000, 0x40, "/lib/a b.so")
    ]


@pytest.mark.parametrize(
    ("code", "machine", "expected"),
    [
        ("9090e800000000", "x86_64", True),
        ("9090909090ffd0", "x86_64", True),  # call *%rax
        ("90ff1500000000", "x86_64", True),  # call *0(%rip)
        ("90909090ff5008", "x86_64", True),  # call *8(%rax)
        ("90909090909090", "x86_64", False),
        ("e800", "x86_64", False),
        ("90909000000094", "aarch64", True),  # bl
        ("90909000003fd6", "aarch64", True),  # blr x0
        ("9090901f2003d5", "aarch64", False),
    ],
)  # fmt: skip
def test_return_addresses_are_behind_calls(code: str, machine: str, expected: bool) -> None:
    """By the bytes before them."""
    assert is_behind_call(bytes.fromhex(code), machine) is expected


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_mapping_is_traced_to_its_line() -> None:
    """Through the C library to the function that asked for it."""
    found: list[list[Place]] = []

    def look(event: Event) -> None:
        if event.what == "mmap" and event.kind == "anonymous private":
            found.append(named(places.of_event(event)))

    command = [traced.program(), "anonymous", "512"]
    with Tracer(command, record=True, look=look, looks=20, streams=(-1, 2, 2)) as running:
        running.wait(60)
    own = [each for each in found[-1] if each.path == command[0]]
    assert own and own[0].offset > 0
    assert "map" in str(own[0])


NOISE = """
#include <stdlib.h>
static __attribute__((noinline)) int noise(int n)
{
    volatile char room[8];
    room[0] = n;
    return n ? noise(n - 1) + room[0] : rand();
}
static __attribute__((noinline)) void *make(size_t size)
{
    char *volatile p = malloc(size);
    return p;
}
int main(void)
{
    return noise(60) == 1 || make(16 << 20) == NULL;
}
"""
"""Leaves return addresses of functions that have ended where malloc's frames will lie."""


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="calls are read on x86-64 alone")
def test_functions_that_have_ended_are_not_among_the_callers(tmp_path: Path) -> None:
    """The call of each leads to the one before it."""
    program = str(tmp_path / "noise")
    command = ["gcc", "-O1", "-fno-inline", "-fomit-frame-pointer", "-x", "c", "-o", program, "-"]
    subprocess.run(command, input=NOISE, text=True, check=True, timeout=60)
    found: list[list[Place]] = []

    def look(event: Event) -> None:
        if event.what == "mmap" and event.length > 16 << 20:
            found.append(named(places.of_event(event)))

    with Tracer([program], record=True, look=look, looks=20) as running:
        running.wait(60)
    (stack,) = found
    own = [each.symbol for each in stack if each.path == program]
    assert own[:2] == ["make", "main"]
    assert "noise" not in own


def test_what_is_no_program_has_no_names(tmp_path: Path) -> None:
    """Nor has what is not there: the place stays file and offset."""
    (tmp_path / "text").write_text("no ELF" * 20)
    (tmp_path / "far").write_bytes(b"\x7fELF\x02\x01" + b"\xff" * 58)  # its tables are nowhere
    for path in (tmp_path / "text", tmp_path / "far", tmp_path / "none"):
        assert named([Place(str(path), 5)]) == [Place(str(path), 5)]
    assert str(Place("/lib/a.so", 255)) == "a.so+0xff"

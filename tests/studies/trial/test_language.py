"""prefault_kit.studies.trial.language: what a program is written in."""

import os
import sys
from pathlib import Path

import pytest

from prefault_kit.studies.trial import language


def test_by_what_runs_it() -> None:
    """A JVM or a Python, wherever its file is."""
    assert language.of("/opt/x/bin/java", ["/lib/libc.so.6", "/opt/x/lib/libjvm.so"]) == "Java"
    assert language.of("/opt/app", ["/usr/lib/libpython3.13.so.1.0"]) == "Python"
    assert language.of(os.path.realpath(sys.executable)) == "Python"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x7fELF..\xff Go buildinf:\x08", "Go"),
        (b"\x7fELF..rust_eh_personality", "Rust"),
        (b"\x7fELF../rustc/" + b"0a" * 20 + b"/library/core", "Rust"),
        (b"\x7fELF..main", "C"),
        (b"#!/bin/sh\n/rustc/" + b"0a" * 20 + b"/", ""),
        (b"", ""),
    ],
)
def test_by_its_file(tmp_path: Path, content: bytes, found: str) -> None:
    """By what a linker left in it; a script is no program."""
    (tmp_path / "app").write_bytes(content)
    assert language.of(str(tmp_path / "app")) == found


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    """And nothing waits for it."""
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), str(tmp_path), "/no/such", "nul\0"):
        assert language.of(path) == ""

"""The plain-C side: compile ``cells.c`` on the spot, and do one of its repetitions at a time."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from prefault_kit.measure.experiment import Experiment

SOURCE = Path(__file__).with_name("cells.c")


class PlainError(RuntimeError):
    """The C program could not be compiled, or ended before its answer; its words."""


def compiler() -> str | None:
    """The C compiler, or None without one."""
    return shutil.which("gcc") or shutil.which("cc")


def build(directory: Path) -> Path:
    """Compile the program into ``directory``; its path."""
    program = directory / "cells"
    command = [
        compiler() or "gcc",
        "-O2",
        "-std=gnu11",
        "-pthread",
        "-o",
        str(program),
        str(SOURCE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise PlainError(f"cells.c does not compile: {done.stderr.strip()}")
    return program


@dataclass(frozen=True)
class Looked:
    """What one repetition cost and left; pages are system pages."""

    elapsed_ns: int
    minor_faults: int
    present: int
    blocks: int
    """Of 512 bytes, as st_blocks."""


class PlainCell:
    """A process of the C program for one cell; it waits for its turn and holds no memory then."""

    def __init__(self, program: Path, experiment: Experiment) -> None:
        backing = experiment.backing
        directory = backing.find_directory() if backing.has_file else None
        self._process = subprocess.Popen(
            [
                program,
                backing.kind if backing.kind in ("anon", "memfd") else "file",
                experiment.sharing,
                experiment.method,
                str(experiment.size_bytes),
                str(backing.page_size_bytes),
                directory or ".",
                str(experiment.threads),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        with contextlib.suppress(BrokenPipeError):  # it ended by itself
            process.stdin.close()
        process.wait(timeout=600)
        process.stdout.close()
        process.stderr.close()

    def _ask(self, order: bytes) -> list[int]:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        try:
            process.stdin.write(order)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: its words say why
        answer = process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise PlainError(process.stderr.read().decode().strip() or "cells ended")
        return [int(word) for word in answer.split()]

    def repeat(self, *, cold: bool = False) -> int:
        """Do one repetition, ``cold`` with the caches emptied before; its nanoseconds."""
        return self._ask(b"c\n" if cold else b"t\n")[0]

    def look(self) -> Looked:
        """Do one repetition and look at what it left."""
        return Looked(*self._ask(b"l\n"))

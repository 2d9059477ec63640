"""A program with five mistakes in how it uses memory, each repaired on request while it runs.

It is for those who learn to look at a process from outside: every mistake is one that real
programs make, and shows in the process's mappings, page tables, or faults. It starts, makes its
mistakes, and waits; it ends with whoever started it.

>>> with Program() as program:
...     program.repair("copies")
...     program.mistaken
['forked', 'random', 'small-pages', 'beat']
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any

from prefault_kit.kernel import hugepages, page_cache, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

SIZE_BYTES = 16 << 20
"""Of each mistake's memory, the beat's aside."""
SPREAD = 32
"""The reader with MADV_RANDOM has read every so many-th page so far."""
BEAT_PAGES, BEAT_S = 16, 0.01
MODULE = "prefault_kit.studies.mistakes"
END_S = 10.0


@dataclass
class Memory:
    """What the program has mapped, by mistake, and what it holds beside."""

    directory: str
    held: ExitStack
    mappings: dict[str, Mapping] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    child: int | None = None
    keeps_buffer: bool = False
    """Whether the beat has a buffer of its own."""
    ends: threading.Event = field(default_factory=threading.Event)

    def map(self, name: str, mapping: Mapping) -> Mapping:
        """Keep a mapping in place of the one that was there."""
        if name in self.mappings:
            self.mappings[name].close()
        self.mappings[name] = self.held.enter_context(mapping)
        return mapping

    def file(self, name: str) -> tuple[Backing, int]:
        """A file of :data:`SIZE_BYTES` on disk, written back; each page is a folio of its own."""
        backing = Backing.file(self.directory)
        self.files[name] = fd = backing.open()
        self.held.callback(os.close, fd)
        syscalls.fill(fd, 0, SIZE_BYTES, b"w" * PAGE_SIZE_BYTES)
        os.fsync(fd)
        return backing, fd


def _read_at_random(memory: Memory) -> None:
    backing, fd = memory.file("random")
    page_cache.evict(fd)
    mapping = Mapping(backing, SIZE_BYTES, "shared", fd=fd, thp=None, writable=False)
    memory.map("random", mapping).advise("MADV_RANDOM")
    for offset in range(0, SIZE_BYTES, SPREAD * PAGE_SIZE_BYTES):
        mapping.touch_read(offset, PAGE_SIZE_BYTES)


def _read_ahead(memory: Memory) -> None:
    mapping = memory.mappings["random"]
    mapping.advise("MADV_NORMAL")
    mapping.populate_read()


def _write_copies(memory: Memory) -> None:
    backing, fd = memory.file("copies")
    mapping = Mapping(backing, SIZE_BYTES, "private", fd=fd, thp=None)
    memory.map("copies", mapping).populate_write()


def _write_the_file(memory: Memory) -> None:
    backing, fd = memory.mappings["copies"].backing, memory.files["copies"]
    mapping = Mapping(backing, SIZE_BYTES, "shared", fd=fd, thp=None)
    memory.map("copies", mapping).populate_write()


def _fork(memory: Memory) -> None:
    memory.map("forked", Mapping(Backing.anon(), SIZE_BYTES, thp=None))
    _populate_in_small_pages(memory)
    parent = os.getpid()
    memory.child = os.fork()
    if memory.child == 0:
        with contextlib.suppress(OSError):
            syscalls.die_with_parent(parent)
            signal.pause()
        os._exit(0)
    memory.held.callback(_end_child, memory)


def _populate_in_small_pages(memory: Memory) -> None:
    """Whatever the host's setting is, and without an advice that would be a mistake of its own."""
    syscalls.disable_thp(True)
    memory.mappings["forked"].populate_write()
    syscalls.disable_thp(False)


def _end_child(memory: Memory) -> None:
    if memory.child is not None:
        os.kill(memory.child, signal.SIGKILL)
        os.waitpid(memory.child, 0)
        memory.child = None


def _populate_after_the_fork(memory: Memory) -> None:
    _end_child(memory)
    _populate_in_small_pages(memory)


def _refuse_huge_pages(memory: Memory) -> None:
    size = hugepages.default_size_bytes() or PAGE_SIZE_BYTES
    mapping = Mapping(Backing.anon(), max(SIZE_BYTES, size), thp=False)
    memory.map("small-pages", mapping).populate_write()


def _collapse(memory: Memory) -> None:
    mapping = memory.mappings["small-pages"]
    mapping.advise("MADV_HUGEPAGE")
    mapping.advise("MADV_COLLAPSE")


def _beat(memory: Memory) -> None:
    size_bytes = BEAT_PAGES * PAGE_SIZE_BYTES

    def beat() -> None:
        while not memory.ends.wait(BEAT_S) and not memory.keeps_buffer:
            with Mapping(Backing.anon(), size_bytes) as mapping:
                mapping.touch_write()
        with Mapping(Backing.anon(), size_bytes) as mapping:
            mapping.populate_write()
            while not memory.ends.wait(BEAT_S):
                mapping.touch_write()

    thread = threading.Thread(target=beat, name="beat")
    thread.start()
    memory.held.callback(thread.join)
    memory.held.callback(memory.ends.set)


def _keep_the_buffer(memory: Memory) -> None:
    memory.keeps_buffer = True


@dataclass(frozen=True)
class Mistake:
    """Something that programs do to their memory, and what would have been better."""

    name: str
    mistake: str
    repair: str
    make: Callable[[Memory], None]
    mend: Callable[[Memory], None]


MISTAKES: dict[str, Mistake] = {
    each.name: each
    for each in (
        Mistake(
            "forked",
            "memory is populated, and then the program forks a child that stays",
            "fork first, or MADV_DONTFORK; populate after the fork",
            _fork,
            _populate_after_the_fork,
        ),
        Mistake(
            "random",
            "a file is mapped with MADV_RANDOM, and then read from all over",
            "MADV_NORMAL, and MADV_POPULATE_READ of what will be used",
            _read_at_random,
            _read_ahead,
        ),
        Mistake(
            "copies",
            "a file is mapped privately, and every page of it is written",
            "map it shared, or read it into memory of one's own",
            _write_copies,
            _write_the_file,
        ),
        Mistake(
            "small-pages",
            "a large buffer is kept out of huge pages by MADV_NOHUGEPAGE",
            "MADV_HUGEPAGE before the first touch, or MADV_COLLAPSE afterwards",
            _refuse_huge_pages,
            _collapse,
        ),
        Mistake(
            "beat",
            "a buffer is mapped, used and unmapped on every beat of a loop",
            "keep one buffer, populated once",
            _beat,
            _keep_the_buffer,
        ),
    )
}
"""By name, in the order in which they are made: the child has nothing of what comes after it."""


class Program:
    """The program, as a child of this process.

    ``directory`` is where its two files are made; they have no names and vanish with it.
    OSError with the program's own words where it cannot start.
    """

    def __init__(self, directory: str = ".") -> None:
        command = [sys.executable, "-m", MODULE, os.path.abspath(directory)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid: int = self._child.pid
        self.mistaken: list[str] = list(MISTAKES)
        """The names of the mistakes that are not repaired yet."""
        self.places: dict[str, tuple[int, int]] = {}
        """Address and length of each mistake's memory, in bytes; the beat's comes and goes."""
        try:
            self.places = self._hear()
        except BaseException:
            self.close()
            raise

    def repair(self, name: str) -> None:
        """Let the program do better from now on. ValueError for a name that it does not have."""
        if name not in MISTAKES:
            raise ValueError(f"there is no mistake {name!r}; choose from {', '.join(MISTAKES)}")
        assert self._child.stdin
        with suppress(BrokenPipeError):  # it has ended, and says below why
            self._child.stdin.write(f"{name}\n")
            self._child.stdin.flush()
        self.places = self._hear()
        self.mistaken = [each for each in self.mistaken if each != name]

    def _hear(self) -> dict[str, tuple[int, int]]:
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            raise OSError(f"the program with mistakes ended with status {self._child.wait(END_S)}")
        said = json.loads(line)
        if "error" in said:
            raise OSError(*said["error"])
        return {name: (address, length) for name, (address, length) in said.items()}

    def close(self) -> None:
        """End it, and wait until it has ended."""
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._child.wait(END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _telling(out: IO[str], memory: Memory) -> Iterator[None]:
    """Do something, and tell where memory is then, or the error."""
    said: dict[str, Any]
    try:
        yield
    except OSError as error:
        said = {"error": [error.errno, error.strerror or str(error)]}
    else:
        said = {name: mapping.span() for name, mapping in memory.mappings.items()}
    print(json.dumps(said), file=out, flush=True)


def main() -> None:
    """Make the mistakes, and repair those that are named on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    with ExitStack() as held:
        memory = Memory(sys.argv[1], held)
        with _telling(sys.stdout, memory):
            for each in MISTAKES.values():
                each.make(memory)
        for line in sys.stdin:
            with _telling(sys.stdout, memory):
                MISTAKES[line.strip()].mend(memory)


if __name__ == "__main__":
    main()

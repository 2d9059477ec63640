"""QEMU beside the kit: the same memory, preallocated by both, in one run.

A QEMU without a machine is started and told over QMP to make a memory backend with
``prealloc=on,prealloc-threads=N``; it answers when all of it is there. Source: QEMU's
qapi/qom.json, MemoryBackendProperties.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit import host, intervals, markdown, smaps
from prefault_kit import worker as workers
from prefault_kit.backing import Backing, format_bytes
from prefault_kit.host import Unavailable, thp
from prefault_kit.mapping import Mapping
from prefault_kit.preallocation import preallocate
from prefault_kit.quantities import format_ms

MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64", "s390x": "s390x"}
"""What QEMU's program is called, by this machine's name."""
KINDS = ("ram", "memfd", "file")
"""Of its memory backends, those that are compared: private anonymous memory, a shared memfd, a
shared file."""
IDLE_S = 0.02
"""It is idle when it used no processor for so long."""
RELEASE_S = 30
"""So long QEMU may take to give a backend's memory back, which it does in another thread."""


def program() -> str | None:
    """The QEMU for this machine, if it is installed."""
    name = MACHINES.get(os.uname().machine)
    return name and shutil.which(f"qemu-system-{name}")


def why_not() -> Unavailable | None:
    """What stops QEMU from running here, None if nothing does."""
    if program() is None:
        return Unavailable("QEMU is not installed", "sudo apt install qemu-system-x86")
    return None


class QemuError(RuntimeError):
    """QEMU did not do what it was asked for; in its own words."""


@dataclass(frozen=True)
class Backend:
    """A memory backend that is there, all of it."""

    elapsed_ms: float
    usage: smaps.Usage
    """What QEMU's own smaps says of it, read from outside."""


class Qemu:
    """A QEMU without a machine, which lives as long as this object and this process at most."""

    def __init__(self, *, trace: Path | None = None) -> None:
        """``trace`` is a file for what strace says of madvise and fallocate; it must be there."""
        binary = program()
        if binary is None:
            raise QemuError("QEMU is not installed: sudo apt install qemu-system-x86")
        command = ["setpriv", "--pdeathsig", "KILL", binary, "-machine", "none", "-S"]
        command += ["-nodefaults", "-display", "none", "-qmp", "stdio"]
        if trace is not None:
            calls = "trace=madvise,fallocate"
            command = ["strace", "-f", "-qq", "-o", os.fspath(trace), "-e", calls, *command]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            greeting = self._answer()["QMP"]["version"]["qemu"]
            self.version = ".".join(str(greeting[part]) for part in ("major", "minor", "micro"))
            self._ask("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; its memory is given back. May be called again."""
        process = self._process
        if process.poll() is None:
            with contextlib.suppress(QemuError, OSError):
                self._ask("quit")
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            said: dict[str, Any] = json.loads(line)
            if "event" not in said:
                return said
        assert self._process.stderr is not None
        raise QemuError(f"QEMU ended: {self._process.stderr.read().strip() or 'without a word'}")

    def _ask(self, what: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"execute": what, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        said = self._answer()
        if "error" in said:
            raise QemuError(f"QEMU {self.version} says: {said['error'].get('desc')}")

    @contextlib.contextmanager
    def backend(
        self, kind: str, size_bytes: int, threads: int, directory: str = "."
    ) -> Iterator[Backend]:
        """Preallocate memory of one of :data:`KINDS`; in the end it is given back."""
        words: dict[str, Any] = {
            "qom-type": f"memory-backend-{kind}",
            "id": "memory",
            "size": size_bytes,
            "prealloc": True,
            "prealloc-threads": threads,
        }
        if kind == "file":  # in a directory QEMU makes a file and unlinks it
            if not os.path.isdir(directory):  # anything else it would make into a file
                raise QemuError(f"{directory} is no directory: name one for QEMU's file")
            words |= {"mem-path": os.path.abspath(directory), "share": True}
        began_ns = time.monotonic_ns()
        self._ask("object-add", **words)
        elapsed_ms = (time.monotonic_ns() - began_ns) / 1e6
        try:
            yield Backend(elapsed_ms, self._usage(size_bytes))
        finally:
            self._ask("object-del", id="memory")
            self._await_release(size_bytes)

    def _ranges(self, size_bytes: int) -> list[int]:
        """Where mappings of this size begin."""
        found = re.findall(
            r"^(\w+)-(\w+) rw", Path(f"/proc/{self._process.pid}/maps").read_text(), re.M
        )
        return [int(low, 16) for low, high in found if int(high, 16) - int(low, 16) == size_bytes]

    def _usage(self, size_bytes: int) -> smaps.Usage:
        ranges = self._ranges(size_bytes)
        return smaps.usage(ranges[0], size_bytes, self._process.pid) if ranges else smaps.Usage()

    def _await_release(self, size_bytes: int) -> None:
        """Wait until the mapping is gone and QEMU is idle: it frees in a thread of its own."""
        deadline = time.monotonic() + RELEASE_S
        before = -1
        while time.monotonic() < deadline:
            spent = self._spent_ns()
            if spent == before and not self._ranges(size_bytes):
                return
            before = spent
            time.sleep(IDLE_S)

    def _spent_ns(self) -> int:
        """Processor time of its threads (Documentation/scheduler/sched-stats.rst)."""
        spent = 0
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                spent += int((task / "schedstat").read_text().split()[0])
        return spent


@dataclass(frozen=True)
class Lap:
    """The same memory, by both."""

    kind: str
    threads: int
    size_bytes: int
    repetition: int
    """0 warms up."""
    qemu_ms: float
    kit_ms: float
    qemu_rss_bytes: int
    kit_rss_bytes: int


def _by_the_kit(kind: str, size_bytes: int, threads: int, directory: str) -> tuple[float, int]:
    """Milliseconds from before mmap until all is there, as QEMU is measured; and Rss."""
    huge = True if thp.size_bytes() else None  # QEMU advises MADV_HUGEPAGE
    began_ns = time.monotonic_ns()
    with Mapping(_backing(kind, directory), size_bytes, _sharing(kind), thp=huge) as memory:
        preallocate(memory, threads)
        elapsed_ms = (time.monotonic_ns() - began_ns) / 1e6
        return elapsed_ms, memory.usage().rss or 0


def _backing(kind: str, directory: str) -> Backing:
    return {"ram": Backing.anon, "memfd": Backing.memfd, "file": lambda: Backing.file(directory)}[
        kind
    ]()


def _sharing(kind: str) -> str:
    return "private" if kind == "ram" else "shared"


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """In the worker: every case by both, interleaved, each round beginning with another."""
    cases = [(kind, int(threads)) for kind in payload["kinds"] for threads in payload["threads"]]
    size_bytes, directory = payload["size_bytes"], payload["directory"]
    try:
        with Qemu() as qemu:
            yield {"version": qemu.version}
            for repetition in range(payload["repeats"] + 1):
                for kind, threads in cases:
                    place = (kind, size_bytes, threads, directory)
                    mine = _by_the_kit(*place) if repetition % 2 else None
                    with qemu.backend(*place) as theirs:
                        pass
                    mine = mine or _by_the_kit(*place)
                    lap = Lap(
                        kind, threads, size_bytes, repetition, theirs.elapsed_ms, mine[0],
                        theirs.usage.rss or 0, mine[1],
                    )  # fmt: skip
                    yield {"lap": asdict(lap)}
    except (QemuError, OSError) as error:
        yield {"failed": str(error)}


def race(
    kinds: Sequence[str] = KINDS,
    threads: Sequence[int] = (1, 2),
    *,
    size_bytes: int = 1 << 30,
    repeats: int = 5,
    directory: str = ".",
    worker: workers.Worker | None = None,
    on_lap: Callable[[Lap], object] | None = None,
) -> list[Lap]:
    """Let QEMU and the kit preallocate the same, turn by turn; the laps without the warm-up.

    QemuError says why in a sentence, also where there is no room for it.
    """
    for kind in kinds:
        if missing := why_not() or host.why_not(
            backing=_backing(kind, directory),
            sharing=_sharing(kind),
            method="POPULATE_WRITE",
            size_bytes=size_bytes,
            start="empty",
            threads=max(threads),
        ):
            raise QemuError(missing.reason)
    payload = {
        "kinds": list(kinds),
        "threads": list(threads),
        "size_bytes": size_bytes,
        "repeats": repeats,
        "directory": directory,
    }
    laps = []
    stream = (worker or workers.shared()).stream("prefault_kit.qemu:perform", payload)
    try:
        for event in stream:
            if "failed" in event:
                raise QemuError(event["failed"])
            if "lap" in event:
                lap = Lap(**event["lap"])
                laps.append(lap)
                if on_lap:
                    on_lap(lap)
    finally:
        stream.close()  # type: ignore[attr-defined]  # ends the child if this was interrupted
    return [lap for lap in laps if lap.repetition]


HEADS = (
    "memory",
    "threads",
    "size",
    "QEMU, best",
    "median",
    "kit, best",
    "median",
    "kit / QEMU, best",
    "median",
)


@dataclass(frozen=True)
class Table:
    """Laps in Markdown: a row a case, minimum and median, the ratio of medians with its
    interval, and that of minima, which a virtual machine's host disturbs less."""

    laps: Sequence[Lap]

    def __repr__(self) -> str:
        rows = []
        for kind, threads in dict.fromkeys((lap.kind, lap.threads) for lap in self.laps):
            laps = [lap for lap in self.laps if (lap.kind, lap.threads) == (kind, threads)]
            kit, qemu = (
                tuple(getattr(lap, name) for lap in laps) for name in ("kit_ms", "qemu_ms")
            )
            found = intervals.of_medians(kit, qemu)
            times = (min(qemu), statistics.median(qemu), min(kit), statistics.median(kit))
            rows.append(
                (
                    f"memory-backend-{kind}",
                    f"{threads}",
                    format_bytes(laps[0].size_bytes),
                    *map(format_ms, times),
                    f"{min(kit) / min(qemu):.2f}",
                    f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})",
                )
            )
        return markdown.table(HEADS, rows)

    _repr_markdown_ = __repr__


def save(laps: Iterable[Lap], path: str | os.PathLike[str]) -> None:
    """Write laps as JSON lines to a new file."""
    with open(path, "x", encoding="ascii") as file:
        file.writelines(json.dumps(asdict(lap)) + "\n" for lap in laps)


def read(path: str | os.PathLike[str]) -> list[Lap]:
    """The laps that :func:`save` wrote."""
    return [Lap(**json.loads(line)) for line in Path(path).read_text("ascii").splitlines()]


def calls(kind: str, size_bytes: int, threads: int, directory: str = ".") -> list[str]:
    """What QEMU asks of the kernel to preallocate: madvise and fallocate, as strace saw them.

    The lengths in place of the addresses, in order; QemuError without strace or where it may not
    trace.
    """
    if shutil.which("strace") is None:
        raise QemuError("strace is not installed: sudo apt install strace")
    with tempfile.TemporaryDirectory() as place:
        trace = Path(place) / "trace"
        with (
            Qemu(trace=trace) as qemu,
            qemu.backend(kind, size_bytes, threads, directory),
        ):
            pass
        said = trace.read_text()
    found = re.findall(r"(madvise|fallocate)\((.*?)(?:\)| <unfinished)", said)
    lines = []
    for name, arguments in found:
        words = arguments.replace("0x17 /* MADV_??? */", "MADV_POPULATE_WRITE").split(", ")
        if name == "fallocate" or "POPULATE" in words[-1] or "HUGEPAGE" in words[-1]:
            lines.append(f"{name}({format_bytes(int(words[-2]))}, {words[-1]})")
    return lines

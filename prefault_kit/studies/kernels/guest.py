"""One boot of a kernel in QEMU: a job goes in on a disk, what it wrote comes out on another.

A guest has no network unless it is given one, and its root is a snapshot. KVM is tried for a short
time, since nested it may hang; then the processor is emulated (TCG), where nothing may be timed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import prefault_kit
from prefault_kit.studies.kernels import image, initramfs
from prefault_kit.studies.kernels.architecture import X86_64, Architecture

ACCELERATORS = ("auto", "kvm", "tcg")
BEGIN_S = {"kvm": 15, "tcg": 240}
"""The longest time until a guest says that its work begins."""
LIMIT_S = 1800
"""The longest time of a guest."""
MEMORY_MIB = 3072
PLACE = "prefault_kit/kernel/native"
COMPILED, PROJECT = "_prefault.abi3.so", "pyproject.toml"
"""The kit's C, and where in the kit it is."""
RESULT_BYTES = 64 << 20
TAIL_LINES, BEFORE_LINES = 8, 2
FAILING = re.compile(
    r"\bBUG: |\bOops\b|Kernel panic|Internal error|Unable to handle|general protect"
)
"""How what a kernel says when it fails begins."""
SAID = 0.2
"""Seconds between two looks at what a guest says."""


class GuestError(OSError):
    """A guest cannot be started at all: one sentence that says what to do."""


@dataclass(frozen=True)
class Outcome:
    """How a guest ended."""

    accelerator: str
    """``kvm`` or ``tcg``."""
    elapsed_s: float
    status: int | None
    """The exit status of its work; None where it did not come to an end."""
    files: Mapping[str, bytes]
    """What it wrote, by name."""
    tail: tuple[str, ...] = ()
    """Where it did not come to an end, how it said so: the last lines, or the first ones of what
    the kernel says when it fails."""
    refused: bool = False
    """Whether QEMU did not start it: what it is given is no kernel, or this host has no KVM."""


@dataclass(frozen=True)
class Guest:
    """A kernel to boot: its image, and the directory below which its modules lie."""

    kernel: Path
    modules: Path
    architecture: Architecture = X86_64
    network: tuple[str, ...] = ()
    """Options of QEMU's for a network card (virtio), if it is to have one."""

    def run(
        self,
        root: Path,
        script: str,
        *,
        compiled: Path | None = None,
        packages: Path | None = None,
        accelerator: str = "auto",
        limit_s: float = LIMIT_S,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Outcome:
        """Boot it, let it run a shell script beside the kit, and wait until it has ended.

        ``compiled`` is the kit's C where that of this host does not serve; ``packages`` is a
        directory of Python's that it gets as well. ``tell`` hears each line that the guest says.
        GuestError where QEMU is missing, or its disks cannot be made; ValueError for a module that
        cannot be read.
        """
        machine = self.architecture
        if shutil.which(machine.qemu) is None:
            raise GuestError(f"{machine.qemu} is missing: sudo apt install {machine.package}")
        busybox = (root.parent / "busybox").read_bytes()
        wanted = (*initramfs.WANTED, *(initramfs.NETWORK if self.network else ()))
        initrd = initramfs.build(self.modules, busybox, wanted)
        with tempfile.TemporaryDirectory(prefix="prefault-guest-") as name:
            place = Path(name)
            try:
                (place / "initrd").write_bytes(initrd)
                _pack(place / "job", script, compiled, packages)
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise GuestError(
                    f"a guest's disks cannot be made in {place.parent} ({said}): set TMPDIR to "
                    "another directory"
                ) from None
            outcome = None
            for each in _accelerators(accelerator, machine):
                outcome = self._boot(place, root, each, limit_s, tell)
                if outcome.status is not None:
                    break
            assert outcome
            return outcome

    def _boot(
        self,
        place: Path,
        root: Path,
        accelerator: str,
        limit_s: float,
        tell: Callable[[str], None],
    ) -> Outcome:
        result, console = place / "result", place / "console"
        result.write_bytes(b"")
        os.truncate(result, RESULT_BYTES)
        began = time.monotonic()
        command = self._command(place, root, accelerator)
        with console.open("wb") as out, _qemu(command, out) as guest:
            lines: list[str] = []
            while guest.poll() is None:
                for line in _new_lines(console, lines):
                    tell(line)
                passed = time.monotonic() - began
                limit = limit_s if image.BEGUN in lines else min(limit_s, BEGIN_S[accelerator])
                if passed > limit:
                    break
                time.sleep(SAID)
            failed = bool(guest.poll())
        elapsed_s = time.monotonic() - began
        files = _unpack(result)
        said = _lines(_said(console))
        status = files.pop("status", b"").strip()
        if status.isdigit():
            return Outcome(accelerator, elapsed_s, int(status), files)
        refused = failed and image.BEGUN not in said
        return Outcome(accelerator, elapsed_s, None, files, _tail(said), refused)

    def _command(self, place: Path, root: Path, accelerator: str) -> list[str]:
        disks = {
            "root": f"file={_escaped(root)},snapshot=on",
            "job": f"file={_escaped(place / 'job')},readonly=on",
            "result": f"file={_escaped(place / 'result')}",
        }
        machine = self.architecture
        words = f"console={machine.console} panic=-1 quiet"
        return [
            machine.qemu, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", "stdio", "-m", str(MEMORY_MIB), "-smp", str(min(2, os.cpu_count() or 1)),
            *machine.options,
            *(["-accel", "kvm", "-cpu", "host"] if accelerator == "kvm"
              else ["-accel", "tcg,thread=multi"]),
            "-kernel", str(self.kernel), "-initrd", str(place / "initrd"), "-append", words,
            *(word for name, file in disks.items() for word in (
                "-drive", f"{file},format=raw,if=none,id={name}",
                "-device", f"virtio-blk,drive={name},serial={name}",
            )),
            *self.network,
        ]  # fmt: skip


def _escaped(path: Path) -> str:
    """A path in an option of QEMU's, where a comma ends it."""
    return str(path).replace(",", ",,")


def _accelerators(chosen: str, machine: Architecture) -> list[str]:
    """Those to try, one after the other."""
    if chosen != "auto":
        return [chosen]
    may = machine.is_here and os.access("/dev/kvm", os.R_OK | os.W_OK)
    return ["kvm", "tcg"] if may else ["tcg"]


@contextlib.contextmanager
def _qemu(command: list[str], out: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """QEMU, which ends with the block, however that ends."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _said(console: Path) -> str:
    return console.read_text(encoding="utf-8", errors="replace")


def _lines(said: str) -> list[str]:
    return [line.strip("\r\0 ") for line in said.splitlines() if line.strip("\r\0 ")]


def _tail(lines: list[str]) -> tuple[str, ...]:
    began = next((at for at, line in enumerate(lines) if FAILING.search(line)), None)
    last = lines[-TAIL_LINES:]
    if began is None or began > len(lines) - TAIL_LINES:
        return tuple(last)
    return (*lines[max(0, began - BEFORE_LINES) : began + TAIL_LINES], "...", lines[-1])


def _new_lines(console: Path, known: list[str]) -> list[str]:
    """Those that have been said to their end since."""
    whole, _, _ = _said(console).rpartition("\n")
    new = _lines(whole)[len(known) :]
    known.extend(new)
    return new


def has_tests() -> bool:
    """Whether this is a checkout, whose tests a guest gets as well."""
    return (Path(prefault_kit.__file__).parents[1] / PROJECT).exists()


def _pack(target: Path, script: str, compiled: Path | None, packages: Path | None = None) -> None:
    """What a guest gets: the kit as it is installed here, from a checkout its tests, a script."""
    kit = Path(prefault_kit.__file__).parent
    metadata = f"Metadata-Version: 2.1\nName: prefault-kit\nVersion: {prefault_kit.__version__}\n"
    with tarfile.open(target, "w", dereference=True) as archive:  # in a checkout data is linked to
        archive.add(kit, "prefault_kit", filter=_of_the_kit)
        if has_tests():
            for name in (PROJECT, "tests", "data"):
                archive.add(kit.parent / name, name, filter=_of_the_kit)
        described = f"prefault_kit-{prefault_kit.__version__}.dist-info/METADATA"
        for name, content in ((described, metadata), ("run", script)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o644
            archive.addfile(entry, BytesIO(content.encode()))
        if packages:
            archive.add(packages, ".", filter=_of_the_kit)
        if compiled:  # the later one of a name is what is unpacked
            archive.add(compiled, f"{PLACE}/{COMPILED}", filter=_of_the_kit)


def _of_the_kit(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if entry.name.endswith("__pycache__"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _unpack(disk: Path) -> dict[str, bytes]:
    """The files on a guest's result disk; none where it wrote nothing whole."""
    found: dict[str, bytes] = {}
    with contextlib.suppress(tarfile.TarError), tarfile.open(disk, "r:") as archive:
        for entry in archive:
            if entry.isfile() and (content := archive.extractfile(entry)):
                found[entry.name.removeprefix("./")] = content.read()
    return found

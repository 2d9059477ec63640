"""One boot of a kernel in QEMU: a job goes in on a disk, what it wrote comes out on another.

A guest has no network, and its root is a snapshot. KVM is tried for a short time, since nested it
may hang; then the processor is emulated (TCG), where nothing may be timed.
"""

from __future__ import annotations

import contextlib
import os
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

QEMU = "qemu-system-x86_64"
ACCELERATORS = ("auto", "kvm", "tcg")
BEGIN_S = {"kvm": 15, "tcg": 240}
"""The longest time until a guest says that its work begins."""
LIMIT_S = 1800
"""The longest time of a guest."""
MEMORY_MIB = 3072
HUGE_PAGES = 64
RESULT_BYTES = 64 << 20
TAIL_LINES = 8
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
    """Where it did not come to an end, the last lines that it said."""


@dataclass(frozen=True)
class Guest:
    """A kernel to boot: its image, and the directory below which its modules lie."""

    kernel: Path
    modules: Path

    def run(
        self,
        root: Path,
        script: str,
        *,
        accelerator: str = "auto",
        limit_s: float = LIMIT_S,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Outcome:
        """Boot it, let it run a shell script beside the kit, and wait until it has ended.

        ``tell`` hears each line that the guest says. GuestError where QEMU is missing.
        """
        if shutil.which(QEMU) is None:
            raise GuestError(f"{QEMU} is missing: sudo apt install qemu-system-x86")
        with tempfile.TemporaryDirectory(prefix="prefault-guest-") as name:
            place = Path(name)
            busybox = (root.parent / "busybox").read_bytes()
            (place / "initrd").write_bytes(initramfs.build(self.modules, busybox))
            _pack(place / "job", script)
            outcome = None
            for each in _accelerators(accelerator):
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
        elapsed_s = time.monotonic() - began
        files = _unpack(result)
        tail = tuple(_lines(console)[-TAIL_LINES:])
        status = files.pop("status", b"").strip()
        if status.isdigit():
            return Outcome(accelerator, elapsed_s, int(status), files)
        return Outcome(accelerator, elapsed_s, None, files, tail)

    def _command(self, place: Path, root: Path, accelerator: str) -> list[str]:
        disks = (
            f"file={_escaped(root)},format=raw,if=virtio,snapshot=on",
            f"file={_escaped(place / 'job')},format=raw,if=virtio,readonly=on",
            f"file={_escaped(place / 'result')},format=raw,if=virtio",
        )
        words = f"console=ttyS0 panic=-1 quiet hugepages={HUGE_PAGES}"
        return [
            QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", "stdio", "-m", str(MEMORY_MIB), "-smp", str(min(2, os.cpu_count() or 1)),
            *(["-accel", "kvm", "-cpu", "host"] if accelerator == "kvm"
              else ["-accel", "tcg,thread=multi", "-cpu", "max"]),
            "-kernel", str(self.kernel), "-initrd", str(place / "initrd"), "-append", words,
            *(word for disk in disks for word in ("-drive", disk)),
        ]  # fmt: skip


def _escaped(path: Path) -> str:
    """A path in an option of QEMU's, where a comma ends it."""
    return str(path).replace(",", ",,")


def _accelerators(chosen: str) -> list[str]:
    """Those to try, one after the other."""
    if chosen != "auto":
        return [chosen]
    return ["kvm", "tcg"] if os.access("/dev/kvm", os.R_OK | os.W_OK) else ["tcg"]


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


def _lines(console: Path) -> list[str]:
    text = console.read_text(encoding="utf-8", errors="replace")
    return [line.strip("\r\0 ") for line in text.splitlines() if line.strip("\r\0 ")]


def _new_lines(console: Path, known: list[str]) -> list[str]:
    new = _lines(console)[len(known) :]
    known.extend(new)
    return new


def _pack(target: Path, script: str) -> None:
    """What a guest gets: the kit as it is installed here, and a script."""
    kit = Path(prefault_kit.__file__).parent
    metadata = f"Metadata-Version: 2.1\nName: prefault-kit\nVersion: {prefault_kit.__version__}\n"
    with tarfile.open(target, "w", dereference=True) as archive:  # in a checkout data is linked to
        archive.add(kit, "prefault_kit", filter=_of_the_kit)
        described = f"prefault_kit-{prefault_kit.__version__}.dist-info/METADATA"
        for name, content in ((described, metadata), ("run", script)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o644
            archive.addfile(entry, BytesIO(content.encode()))


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

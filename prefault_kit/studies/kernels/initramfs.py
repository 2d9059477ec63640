"""The first root of a guest: busybox, the modules that the real root needs, and a script.

Source: Documentation/driver-api/early-userspace/buffer-format.rst (newc archives).
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
from collections.abc import Iterable
from pathlib import Path

CHECKSUMS = ("crc32c", "crc32c_generic", "crc32c-cryptoapi")
"""What file systems ask for by another name than a module's; each kernel has one of them."""
WANTED = (
    "virtio_pci", "virtio_blk", *CHECKSUMS, "ext4", "loop", "xfs", "btrfs", "overlay", "fuse"
)  # fmt: skip
"""Modules that a guest loads, with what they depend on, where they are not built in."""
NETWORK = ("virtio_net",)
"""Those of a guest that has a network, beside them."""
NO_ROOT = "the root is not there"
"""What a guest says whose kernel does not find its disk, or cannot mount it."""
SCRIPT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /modules/$module.ko; done
/bin/busybox mount -t sysfs sys /sys
# a driver may find the disks after it has been loaded, and in any order
for turn in 1 2 3 4 5 6 7 8 9 10; do
    for disk in /sys/block/vd*; do
        name=$(/bin/busybox cat $disk/serial) && /bin/busybox ln -sf ${{disk##*/}} /dev/$name
    done
    test -b /dev/root && test -b /dev/job && test -b /dev/result &&
        /bin/busybox mount -t ext4 /dev/root /new && break
    /bin/busybox sleep 2
done
/bin/busybox umount /sys
test -e /new/prefault-init || {{ echo {no_root}; exit 1; }}
/bin/busybox mount --move /dev /new/dev
exec /bin/busybox switch_root /new /prefault-init
"""


def build(modules: Path, busybox: bytes, wanted: Iterable[str] = WANTED) -> bytes:
    """The archive for a kernel whose modules lie below ``modules``, compressed."""
    ordered = in_order(wanted, modules)
    archive = io.BytesIO()
    for name in ("bin", "dev", "new", "modules", "sys"):
        _add(archive, name, b"", stat.S_IFDIR | 0o755)
    _add(archive, "bin/busybox", busybox, stat.S_IFREG | 0o755)
    for name, content in ordered.items():
        _add(archive, f"modules/{name}.ko", content, stat.S_IFREG | 0o644)
    script = SCRIPT.format(modules=" ".join(ordered), no_root=NO_ROOT).encode()
    _add(archive, "init", script, stat.S_IFREG | 0o755)
    _add(archive, "TRAILER!!!", b"", 0)
    return gzip.compress(archive.getvalue(), 1)


def in_order(wanted: Iterable[str], modules: Path) -> dict[str, bytes]:
    """The modules by name, each after those that it depends on; those that are built in are not
    there."""
    files = {
        path.name.partition(".ko")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")
    }
    found: dict[str, bytes] = {}

    def take(name: str) -> None:
        path = files.get(name.replace("-", "_"))
        if name in found or path is None:
            return
        content = _unpacked(path)
        for each in depends(content):
            take(each)
        found[name] = content

    for name in wanted:
        take(name)
    return found


def depends(module: bytes) -> list[str]:
    """What a module says it depends on."""
    said = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name for name in said[1].decode(errors="replace").split(",") if name] if said else []


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".xz":
        try:
            return lzma.decompress(content)
        except lzma.LZMAError:
            raise ValueError(f"{path} is damaged: it is no whole xz file") from None
    if path.suffix != ".ko":
        raise ValueError(f"{path.name} is compressed in a way that is not known here")
    return content


def _add(archive: io.BytesIO, name: str, content: bytes, mode: int) -> None:
    fields = (
        archive.tell(), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0,
    )  # fmt: skip
    archive.write(b"070701" + b"".join(b"%08X" % field for field in fields))
    archive.write(name.encode() + b"\0")
    _align(archive)
    archive.write(content)
    _align(archive)


def _align(archive: io.BytesIO) -> None:
    archive.write(bytes(-archive.tell() % 4))

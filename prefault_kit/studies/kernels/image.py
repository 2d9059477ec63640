"""The root of guests: Python and what the kit needs, unpacked from packages, as one ext4 image.

It is made once, as an ordinary user, and no guest changes it (QEMU's ``snapshot``).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from prefault_kit.studies.kernels import debian
from prefault_kit.studies.kernels.architecture import Architecture
from prefault_kit.studies.kernels.cache import Cache, CacheError

SUITES = ("trixie", "sid")
"""Of Debian: the first whose packages are all to be had; a mirror may lack some for a processor."""
PACKAGES = (
    "busybox-static", "libc-bin", "coreutils", "dash", "mount", "util-linux",
    "python3-minimal", "python3-numpy", "python3-cffi-backend", "python3-click", "python3-rich",
    "python3-pytest",
    "e2fsprogs", "xfsprogs", "btrfs-progs",
)  # fmt: skip
COMPILER = ("gcc", "libc6-dev", "libpython3-dev", "python3-cffi")
"""Where the kit is not compiled for the guest's processor, the guest does it."""
REVISION = 8
"""Another number makes it anew."""
ROOM_BYTES = 2 << 30
SIZE_BYTES = 2 << 30
"""Of the image, of which little is used."""
UNUSED = ("doc", "locale", "man", "zoneinfo", "info", "lintian")
INIT = """#!/usr/bin/busybox sh
# The first process of a guest: the job comes as a tar on a disk, and its results go out as one on
# another.
export PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8
libraries=$(echo /usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH=$libraries/blas:$libraries/lapack
alias mount='busybox mount'
mount -t proc proc /proc
mount -t sysfs sys /sys
busybox mkdir -p /dev/shm
for place in /dev/shm /tmp /result; do mount -t tmpfs none $place; done
mount -t cgroup2 none /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
size=$(busybox awk '/Hugepagesize/ {print $2}' /proc/meminfo)
test -z "$size" || echo $((131072 / size > 8 ? 131072 / size : 8)) >/proc/sys/vm/nr_hugepages
size=/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled
test ! -e $size || echo madvise >$size
paranoid=/proc/sys/kernel/perf_event_paranoid
test ! -e $paranoid || echo 2 >$paranoid
busybox ln -sf /proc/self/fd /dev/fd
echo BEGUN
busybox tar xf /dev/job -C /job
cd /scratch
PYTHONPATH=/job busybox sh /job/run
echo $? >/result/status
busybox tar cf /dev/result -C /result .
busybox sync
echo ENDED
busybox poweroff -f
"""
BEGUN = "BEGUN"
"""What a guest says when its own work begins."""


def ensure(cache: Cache, architecture: Architecture, tell: Callable[[float, str], None]) -> Path:
    """The image; made if there is none. ``tell`` hears the part done, 0 to 1, and words."""
    name = f"root-{architecture.name}-{REVISION}"
    image = cache.place / name / "root.img"
    if image.exists():
        return image
    if shutil.which("mke2fs") is None:
        raise CacheError(
            "mke2fs is missing, which makes the guests' root: sudo apt install e2fsprogs"
        )
    cache.room_for(ROOM_BYTES, "the guests' root image")
    tell(0.0, "root image: packages")
    apt, packages = _packages(cache, architecture)
    with cache.making(name) as part:
        root = part / "root"
        for each in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / each).mkdir(parents=True)
            (root / each).symlink_to(f"usr/{each}")
        done = 0

        def move() -> None:
            nonlocal done
            done += 1
            tell(
                0.3 + 0.6 * done / len(packages), f"root image: {done} of {len(packages)} packages"
            )

        debian.unpack(packages, root, move)
        for each in UNUSED:
            shutil.rmtree(root / "usr" / "share" / each, ignore_errors=True)
        for each in ("proc", "sys", "dev", "tmp", "mnt", "job", "result", "scratch"):
            (root / each).mkdir(exist_ok=True)
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc" / "passwd").write_text("root:x:0:0:root:/tmp:/bin/sh\n")
        init = root / "prefault-init"
        init.write_text(INIT)
        init.chmod(0o755)
        shutil.copy(root / "usr" / "bin" / "busybox", part / "busybox")
        tell(0.9, "root image: file system")
        options = ("-q", "-t", "ext4", "-E", "lazy_itable_init=1,root_owner=0:0")
        made = subprocess.run(
            ["mke2fs", *options, "-d", str(root), str(part / "root.img"), f"{SIZE_BYTES >> 10}k"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise CacheError(f"mke2fs failed: {made.stderr.strip()[-200:]}")
        shutil.rmtree(root)
    apt.drop_packages()
    return image


def _packages(cache: Cache, architecture: Architecture) -> tuple[debian.Apt, list[Path]]:
    """Those of the first suite that has them all, and what brought them."""
    names = PACKAGES if architecture.is_here else (*PACKAGES, *COMPILER)
    for suite in SUITES:
        apt = debian.Apt(cache.place / "apt", suite, architecture.debian)
        try:
            apt.update()
            return apt, apt.download(names)
        except debian.PackagesError:
            apt.drop_packages()
            if suite == SUITES[-1]:
                raise
    raise AssertionError

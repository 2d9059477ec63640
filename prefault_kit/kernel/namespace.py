"""Mounts of one's own in a child process: nobody else sees them, and they end with it."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.kernel import libc

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
"""include/uapi/linux/sched.h and mount.h."""


def enter() -> None:
    """Give this process mounts of its own: as root, or in a user namespace of its own.

    OSError where neither is permitted. To be called in a child: there is no way back.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        libc.call("unshare", CLONE_NEWNS)
    else:
        libc.call("unshare", CLONE_NEWNS | CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    libc.call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def mount(file_system: str, directory: str, options: str) -> None:
    """Mount over a directory, in this process's own mounts."""
    libc.call("mount", b"none", directory.encode(), file_system.encode(), 0, options.encode())

"""Mounts of one's own in a child process: nobody else sees them, and they end with it."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.syscalls import CLONE_NEWNS, CLONE_NEWUSER


def enter() -> None:
    """Give this process mounts of its own: as root, or in a user namespace of its own.

    OSError where neither is permitted. To be called in a child: there is no way back.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        syscalls.unshare(CLONE_NEWNS)
    else:
        syscalls.unshare(CLONE_NEWNS | CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    syscalls.make_mounts_private()


def mount(file_system: str, directory: str, options: str) -> None:
    """Mount over a directory, in this process's own mounts."""
    syscalls.mount(file_system, directory, options)

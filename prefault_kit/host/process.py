"""What everything in the kit needs of the process that it runs in."""

from __future__ import annotations

import os
import resource

from prefault_kit.host.unavailable import Unavailable

FILES = 64
"""File descriptors that a run is sure to get along with: the worker, its pipes, files of /proc."""


def why_not() -> Unavailable | None:
    """What is missing for anything to run here; None if nothing is."""
    if not os.path.exists("/proc/self/status"):
        return Unavailable(
            "/proc is not mounted, and that is where the kernel says what it did",
            "sudo mount -t proc proc /proc",
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        allowed = hard == resource.RLIM_INFINITY or hard >= FILES
        return Unavailable(
            f"this process may open {soft} files, and the kit needs up to {FILES}",
            # for the shell that it is typed in, as in rlimits.py
            f"prlimit --pid $$ --nofile={FILES}:"
            if allowed
            else f"sudo prlimit --pid $$ --nofile={FILES}",
        )
    return None


def lost_directory() -> Unavailable | None:
    """Whether the current directory was deleted, so that no relative path leads anywhere."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return Unavailable("the current directory was deleted", "cd ~")
    except OSError:  # it is there, out of this user's sight
        pass
    return None

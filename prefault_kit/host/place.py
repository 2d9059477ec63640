"""The directory that a file of a backing goes into: is it there, of the right type, writable?"""

from __future__ import annotations

import os
import shlex

from prefault_kit.host import process
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import hugepages, mounts
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.sizes import format_bytes

FOUND = ("tmpfs", "hugetlbfs")
"""Backings whose directory is found among the mounts when none is given."""


def mount_command(file_system: str, page_size_bytes: int) -> str:
    """The command that mounts a file system where the kit looks for it, for every user."""
    where = mounts.USUAL[file_system]
    options = "mode=1777"
    if file_system == "hugetlbfs" and page_size_bytes != hugepages.default_size_bytes():
        where += f"-{page_size_bytes // 1024}kB"
        options += f",pagesize={page_size_bytes // 1024}K"
    return f"sudo mkdir -p {where} && sudo mount -t {file_system} -o {options} none {where}"


def _not_mounted(backing: Backing) -> Unavailable:
    kind, size = backing.kind, backing.page_size_bytes
    pages = f" with pages of {format_bytes(size)}" if kind == "hugetlbfs" else ""
    closed = [
        mount.directory
        for mount in mounts.mounts()
        if mount.file_system == kind
        and "ro" not in mount.options
        and (kind != "hugetlbfs" or _block_bytes(mount.directory) == size)
    ]
    if closed and not os.access(closed[0], os.W_OK | os.X_OK, effective_ids=True):
        return Unavailable(
            f"{kind}{pages} is mounted at {closed[0]}, but this user may not write there",
            f"sudo chmod 1777 {shlex.quote(closed[0])}",
        )
    return Unavailable(f"no {kind}{pages} is mounted", mount_command(kind, size))


def _block_bytes(directory: str) -> int | None:
    try:
        return os.statvfs(directory).f_bsize
    except OSError:  # mounted out of this user's sight
        return None


def _wrong_type(backing: Backing, directory: str) -> Unavailable | None:
    there = mounts.file_system(directory)
    if backing.kind in FOUND and there != backing.kind:
        other = there if there in FOUND else "file"
        return Unavailable(
            f"{directory} is on {there}, not on {backing.kind}: choose backing {other} for it, "
            f"or a directory on {backing.kind}"
        )
    memory = mounts.in_memory(directory) if backing.kind == "file" else None
    if memory is not None:
        other = f"backing {there} for it, or " if there in FOUND else ""
        over = f" over {memory}" if there != memory else ""
        return Unavailable(
            f"{directory} is on {there}{over}, which is memory and not a disk: "
            f"choose {other}a directory on disk"
        )
    if backing.kind == "hugetlbfs":
        size = os.statvfs(directory).f_bsize
        if size != backing.page_size_bytes:
            return Unavailable(
                f"{directory} has pages of {format_bytes(size)}, "
                f"not of {format_bytes(backing.page_size_bytes)}",
                mount_command("hugetlbfs", backing.page_size_bytes),
            )
    return None


def _closed(directory: str) -> Unavailable | None:
    """Why a directory cannot be entered and written, from the outside in."""
    quoted = shlex.quote(directory)
    if not os.path.isabs(directory) and (lost := process.lost_directory()):
        return lost
    try:
        os.stat(directory)
    except FileNotFoundError:
        return Unavailable(f"the directory {directory} does not exist", f"mkdir -p {quoted}")
    except NotADirectoryError:
        return Unavailable(f"{directory} is not a directory: a part of its path is a file")
    except PermissionError:
        return Unavailable(f"this user may not look into the path of {directory}")
    except OSError as error:
        return Unavailable(f"{directory} cannot be used as a directory: {error.strerror}")
    if not os.path.isdir(directory):
        return Unavailable(
            f"{directory} is not a directory: give the directory that the file is to be made in"
        )
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        where = mounts.mount_of(directory).directory
        return Unavailable(
            f"{directory} is on a file system mounted read-only",
            f"sudo mount -o remount,rw {shlex.quote(where)}",
        )
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        return Unavailable(f"this user may not write to {directory}: choose another directory")
    return None


def check(backing: Backing) -> Unavailable | None:
    """What is wrong with the place of a backing's file; None if a file can be made there.

    Ends by making one as the experiment will, without a name and of size 0.
    """
    if backing.kind not in ("tmpfs", "file", "hugetlbfs"):
        return None
    directory = backing.find_directory()
    if directory is None:
        if backing.kind == "file":
            return Unavailable("backing file needs a directory to make the file in")
        return _not_mounted(backing)
    if problem := _closed(directory) or _wrong_type(backing, directory):
        return problem
    try:
        os.close(backing.open())
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        return Unavailable(f"no file can be made in {directory} ({said}): choose another directory")
    return None

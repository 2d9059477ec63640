"""Why a process cannot be looked at, or not wholly, and the command that helps."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import mounts
from prefault_kit.kernel.process import ZOMBIES, ProcessDirectory

COMMAND = "sudo $(command -v prefault-kit) attach {pid}"
"""sudo looks for commands in directories of its own."""


class NoProcess(ProcessLookupError):
    """There is no such process, or it has no memory, or no more; the text is a sentence."""


class NoAccess(PermissionError):
    """The process may not be looked at by this user; ``missing`` has the command that helps."""

    def __init__(self, missing: Unavailable) -> None:
        super().__init__(errno.EACCES, missing.reason)
        self.missing = missing


@contextmanager
def in_words(pid: int, directory: ProcessDirectory | None = None) -> Iterator[None]:
    """Errors of a block as sentences: a process that has ended, or that may not be seen."""
    try:
        yield
    except (NoAccess, NoProcess):
        raise
    except (ProcessLookupError, FileNotFoundError) as error:
        if directory is None and _exists(pid):
            raise NoAccess(_hidden(pid)) from error
        if directory and isinstance(error, FileNotFoundError) and not directory.ended():
            raise  # it is another file that is not there
        raise ended(pid, meanwhile=directory is not None) from error
    except PermissionError as error:
        raise NoAccess(_hidden(pid) if directory is None else _not_ours(directory)) from error


def ended(pid: int, *, meanwhile: bool = True) -> NoProcess:
    """The error of a process that is no more."""
    words = f"process {pid} ended meanwhile" if meanwhile else f"there is no process {pid}"
    return NoProcess(errno.ESRCH, words)


def without_memory(directory: ProcessDirectory) -> NoProcess | None:
    """Why a process has no mappings: it ends, has ended or is the kernel's; None if it has some."""
    stat = directory.stat()
    if stat.state in ZOMBIES:
        sentence = (
            f"process {directory.pid} has ended, and its parent has not waited for it yet: "
            "its memory is gone"
        )
    elif stat.of_kernel:
        sentence = f"process {directory.pid} is a thread of the kernel: it has no memory of its own"
    elif "VmSize" not in directory.status():  # its memory goes before it is a zombie
        return ended(directory.pid)
    else:
        return None
    return NoProcess(errno.ESRCH, sentence)


def foreign_proc() -> Unavailable | None:
    """Whether /proc is of another PID namespace, so that an id here and there is of two processes.

    Then a descriptor of the process, which the kernel gives by the ids of this namespace, would be
    of another one than its directory in /proc.
    """
    try:
        here = os.readlink("/proc/self")
    except OSError as error:
        here = error.strerror or str(error)
    if here == str(os.getpid()):
        return None
    return Unavailable(
        f"/proc is of another PID namespace: it calls this process {here}, and here it is "
        f"{os.getpid()}",
        "sudo mount -t proc proc /proc  # in a mount namespace of your own",
    )


def no_advising(pid: int) -> Unavailable:
    """What advising another process takes more than looking at it."""
    return Unavailable(
        f"advising process {pid} from outside takes CAP_SYS_NICE", COMMAND.format(pid=pid)
    )


def _exists(pid: int) -> bool:
    """Whether there is such a process, seen or not."""
    with suppress(OSError):
        os.close(os.pidfd_open(pid))
        return True
    return False


def _hidden(pid: int) -> Unavailable:
    options = [each for each in mounts.mount_of("/proc").options if each.startswith("hidepid=")]
    how = f" (/proc is mounted with {options[0]})" if options else ""
    return Unavailable(
        f"process {pid} is another user's, and /proc hides it{how}", COMMAND.format(pid=pid)
    )


def _not_ours(directory: ProcessDirectory) -> Unavailable:
    status = directory.status()
    real, effective, *_ = status["Uid"].split()
    open_to_all = "its totals are open to all"
    if os.geteuid() == 0:
        return Unavailable(
            f"the memory of process {directory.pid} may not be looked at: it has privileges that "
            f"root has not here, for want of CAP_SYS_PTRACE; {open_to_all}",
            "docker run --cap-add SYS_PTRACE ..., where this is a container",
        )
    if int(effective) != os.geteuid() or int(real) != os.geteuid():
        why = f"it runs as user {effective}, and this is user {os.geteuid()}"
    else:
        why = (
            "it has or had privileges that this user has not (setuid, file capabilities), or has "
            "made itself unreadable (PR_SET_DUMPABLE)"
        )
    return Unavailable(
        f"the memory of process {directory.pid} may not be looked at: {why}; {open_to_all}",
        COMMAND.format(pid=directory.pid),
    )

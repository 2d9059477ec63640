"""Run a command behind a seccomp filter: ``python filtered.py FILTER COMMAND...``.

``populate``: madvise with the advice 22 and 23 is EINVAL, as it was before Linux 5.14;
``populate-ENOSYS``, ``populate-EPERM``: another errno, as a sandbox may have it.
``pretend``: it answers 0 and does nothing, as some sandboxes do.
``userfaultfd``: userfaultfd is EPERM, as in many containers.
``mseal``, ``process_madvise``: the call is ENOSYS, as before Linux 6.10 and 5.10.
The filter survives execve and works for every user. Sources:
Documentation/userspace-api/seccomp_filter.rst and include/uapi/linux/{seccomp,filter}.h.
"""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x00050000
LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
NUMBER_OFFSET = 0  # struct seccomp_data.nr
ADVICE_OFFSET = 16 + 2 * 8 + (4 if sys.byteorder == "big" else 0)  # the low word of args[2]
MACHINE = os.uname().machine
MADVISE = {"x86_64": 28, "s390x": 219, "ppc64le": 205}.get(MACHINE, 233)
USERFAULTFD = {"x86_64": 323, "s390x": 355, "ppc64le": 364}.get(MACHINE, 282)

MSEAL, PROCESS_MADVISE = 462, 440  # on every architecture but alpha


def populating(answer: int) -> tuple[tuple[int, int, int, int], ...]:
    """A filter that answers an errno, or 0, to both ways of populating."""
    return (
        (LOAD_WORD, 0, 0, NUMBER_OFFSET),
        (JUMP_IF_EQUAL, 0, 4, MADVISE),
        (LOAD_WORD, 0, 0, ADVICE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, 22),
        (JUMP_IF_EQUAL, 0, 1, 23),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | answer),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


def refusing(number: int, answer: int) -> tuple[tuple[int, int, int, int], ...]:
    """A filter that answers an errno to a system call."""
    return (
        (LOAD_WORD, 0, 0, NUMBER_OFFSET),
        (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | answer),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


PROGRAMS = {
    "populate": populating(errno.EINVAL),
    "populate-ENOSYS": populating(errno.ENOSYS),
    "populate-EPERM": populating(errno.EPERM),
    "pretend": populating(0),
    "userfaultfd": refusing(USERFAULTFD, errno.EPERM),
    "mseal": refusing(MSEAL, errno.ENOSYS),
    "process_madvise": refusing(PROCESS_MADVISE, errno.ENOSYS),
}


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(instructions: tuple[tuple[int, int, int, int], ...]) -> None:
    """Put the filter on this process for good."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    program = Filter(len(instructions), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(option, *arguments):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    install(PROGRAMS[sys.argv[1]])
    os.execvp(sys.argv[2], sys.argv[2:])

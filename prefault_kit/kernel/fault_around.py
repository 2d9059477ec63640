"""How much of a file the kernel maps around a page that faults: what is cached, without a fault.

The size is a setting of the whole system (mm/memory.c, do_fault_around), in debugfs, which is
root's to see; it is read here and never changed. Pages of its size or larger have none.
"""

from __future__ import annotations

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

SETTING = "/sys/kernel/debug/fault_around_bytes"
USUAL_BYTES = 64 << 10


def size_bytes() -> int | None:
    """Bytes that are mapped at a fault; None where this user or this kernel does not tell."""
    try:
        with open(SETTING, "rb") as value:
            return int(value.read())
    except (OSError, ValueError):
        return None


def without() -> str:
    """The commands that switch it off and on again, for a trace of every page of a file.

    >>> without().startswith("echo ")
    True
    """
    usual = size_bytes() or USUAL_BYTES
    return (
        f"echo {PAGE_SIZE_BYTES} | sudo tee {SETTING}; and afterwards echo {usual} | sudo tee "
        f"{SETTING}"
    )

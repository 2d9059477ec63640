"""The ways to prepare memory for a program that must not wait, as data: to add one, add a row."""

from __future__ import annotations

TOUCHED = "touched before"
"""The control: no preparation is faster. The name is a key in recorded files."""
PREPARATIONS: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "POPULATE_READ": ("populate_read",),
    "POPULATE_WRITE": ("populate_write",),
    "MLOCK": ("mlock",),
    "MLOCK_ONFAULT": ("mlock_on_fault",),
    "MLOCK_ONFAULT+POPULATE_WRITE": ("mlock_on_fault", "populate_write"),
    TOUCHED: ("touch_write",),
}
"""A preparation and its steps, which are operations of :class:`~prefault_kit.Mapping`."""
LOCKING_STEPS = ("mlock", "mlock_on_fault")
LOCKING = tuple(name for name, steps in PREPARATIONS.items() if set(steps) & set(LOCKING_STEPS))
"""The preparations that lock memory, and so count against RLIMIT_MEMLOCK."""

SHARINGS: dict[str, str] = {"anon": "private", "memfd": "shared", "file": "shared"}
"""The kinds of memory that can be probed, and how each is mapped."""

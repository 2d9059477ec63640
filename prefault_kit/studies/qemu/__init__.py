"""QEMU and the kit preallocate the same memory: which calls, how long, who is quicker."""

from prefault_kit.studies.qemu.calls import calls
from prefault_kit.studies.qemu.monitor import QemuError
from prefault_kit.studies.qemu.process import KINDS, Qemu, why_not
from prefault_kit.studies.qemu.race import Lap, race, ratios, read, save

__all__ = [
    "KINDS",
    "Lap",
    "Qemu",
    "QemuError",
    "calls",
    "race",
    "ratios",
    "read",
    "save",
    "why_not",
]

"""Other kernels: boot them, and let each answer for itself.

A guest of QEMU runs the kit on another kernel; what it says is recorded and put into one table.
Nothing of this host is changed, and nothing of it needs root.
"""

from prefault_kit.studies.kernels.cache import Cache
from prefault_kit.studies.kernels.debian import Package
from prefault_kit.studies.kernels.guest import Guest, Outcome
from prefault_kit.studies.kernels.record import Record

__all__ = ["Cache", "Guest", "Outcome", "Package", "Record"]

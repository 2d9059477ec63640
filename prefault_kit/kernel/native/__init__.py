"""The C of the kit and its cffi build: the one importer of what is compiled.

Modules of the room take ``ffi`` and ``lib`` from here, and the types of pointers for mypy.
"""

from typing import TYPE_CHECKING

from prefault_kit.kernel.native._prefault import ffi, lib

if TYPE_CHECKING:
    from prefault_kit.kernel.native._prefault import (
        CacheCountsPointer,
        DrainedPointer,
        LookPointer,
        PageCountsPointer,
        WorkPointer,
    )

__all__ = [
    "CacheCountsPointer",
    "DrainedPointer",
    "LookPointer",
    "PageCountsPointer",
    "WorkPointer",
    "ffi",
    "lib",
]

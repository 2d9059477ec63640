"""A running process, looked at from outside: its mappings, its faults, and what to do about them.

:class:`Process` is the door; nothing of the other process is changed but by its methods that say
so.
"""

from prefault_kit.studies.process.access import NoAccess
from prefault_kit.studies.process.changes import Changes, MappingChange
from prefault_kit.studies.process.diagnosis import Diagnosis
from prefault_kit.studies.process.faults import Faults
from prefault_kit.studies.process.mapping import FileState, ProcessMapping
from prefault_kit.studies.process.overview import Overview
from prefault_kit.studies.process.page_map import PageMap
from prefault_kit.studies.process.process import Process

__all__ = [
    "Changes",
    "Diagnosis",
    "Faults",
    "FileState",
    "MappingChange",
    "NoAccess",
    "Overview",
    "PageMap",
    "Process",
    "ProcessMapping",
]

"""A laboratory for page prefaulting: run MADV_POPULATE_READ and _WRITE and see what they did."""

from prefault_kit.backing import Backing
from prefault_kit.experiment import Experiment, Result, run, run_many
from prefault_kit.mapping import Mapping
from prefault_kit.preallocation import Preallocation, preallocate
from prefault_kit.syscalls import PrefaultError, Work
from prefault_kit.version import VERSION

__version__ = VERSION

__all__ = [
    "Backing",
    "Experiment",
    "Mapping",
    "Preallocation",
    "PrefaultError",
    "Result",
    "Work",
    "preallocate",
    "run",
    "run_many",
]

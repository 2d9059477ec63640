"""A laboratory for page prefaulting: run MADV_POPULATE_READ and _WRITE and see what they did.

Map memory, populate it, look at it::

    with Mapping(Backing.anon(), size_bytes=2 << 20) as m:
        m.populate_read()          # or populate_write, touch_read, touch_write, mlock, ...
        print(m.usage())           # /proc/self/smaps: Rss, dirty, anonymous
        print(m.pages())           # page tables: present, zero page, huge, swapped
        print(m.file_cache())      # page cache: cached, dirty, in write-back

Time a method on a kind of memory, in a process that may die::

    result = run(Experiment(Backing.memfd(), "shared", "POPULATE_WRITE", size_bytes=1 << 30))
    print(result.best_ms, result.pages, result.notes)

Prefault a buffer of yours, or look at it::

    prefault(array)                      # readable; any buffer, read-only ones too
    prefault(weights("model.safetensors")["layer.0"], at_most_of_cgroup=0.5)  # page cache
    residency(array), page_map(array)    # what of it is in memory
    preallocate(numpy.zeros(1 << 30, "uint8"), threads=2)  # writable, all of it or an error

Look at a running process: ``Process(pid).diagnose()``, or ``prefault-kit attach PID``.

Allow so many page faults and no more: ``with fault_budget(major=0, minor=10): ...``.

In JupyterLab: ``from prefault_kit.screens.explorer import explorer; explorer()``, and beside it
``screens.reviewer`` and ``screens.latency``. In a shell: ``prefault-kit --help``.

>>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
>>> with Mapping(Backing.anon(), size_bytes=4 * PAGE_SIZE_BYTES) as m:
...     populated = m.populate_write()
...     m.pages().present, populated.minor_faults, m.touch_write().minor_faults
(4, 4, 0)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.measure.budget import fault_budget
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run, run_many
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.preallocation import Preallocation, preallocate

if TYPE_CHECKING:
    from prefault_kit.memory.prefault import Prefault, prefault
    from prefault_kit.memory.residency import Residency, residency
    from prefault_kit.memory.weights import weights
    from prefault_kit.show.page_map import page_map
    from prefault_kit.studies.process import Process

__version__ = "1.0.0"

__all__ = [
    "PAGE_SIZE_BYTES",
    "Backing",
    "Experiment",
    "Mapping",
    "Preallocation",
    "Prefault",
    "PrefaultError",
    "Process",
    "Residency",
    "Result",
    "Work",
    "fault_budget",
    "page_map",
    "preallocate",
    "prefault",
    "residency",
    "run",
    "run_many",
    "weights",
]

LATER = {
    "Prefault": "prefault_kit.memory.prefault",
    "Process": "prefault_kit.studies.process",
    "Residency": "prefault_kit.memory.residency",
    "page_map": "prefault_kit.show.page_map",
    "prefault": "prefault_kit.memory.prefault",
    "residency": "prefault_kit.memory.residency",
    "weights": "prefault_kit.memory.weights",
}
"""Names that are loaded when they are first asked for, and where they are."""


def __getattr__(name: str) -> object:
    if name in LATER:
        found = globals()[name] = getattr(import_module(LATER[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Cases from the debate of 2021, and what their programs care about: to add one, add a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefault_kit.memory.backing import Backing
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.workload import Workload


@dataclass(frozen=True)
class Preset:
    """A case, its weights, and why they are so."""

    id: str
    title: str
    why: str
    kind: str
    """``file``, ``memfd`` or ``anon``."""
    settings: dict[str, Any]
    """Fields of the workload."""
    weights: Weights = field(default_factory=Weights)
    not_testable: str | None = None
    """Why the kit cannot measure it, or None if it can."""

    def workload(self, directory: str = ".", **other: Any) -> Workload:
        """The case with its file in ``directory``; ``other`` overrides."""
        backing = Backing.of(self.kind, directory=directory if self.kind == "file" else None)
        return Workload(backing, **(self.settings | other))


PRESETS = {
    each.id: each
    for each in (
        Preset(
            "vm-ram",
            "A file as the memory of a virtual machine that writes all of it at once",
            "The guest boots and writes everything, so every page becomes dirty anyway.",
            "file",
            {"read": 0.0, "write": 1.0, "content": "hole", "afterwards": "sync"},
        ),
        Preset(
            "fake-nvdimm",
            "A file as an NVDIMM of a virtual machine, mostly read",
            "The guest reads; every page that is dirtied needlessly has to be written back.",
            "file",
            {"read": 0.5, "write": 0.01, "content": "large-chunks", "afterwards": "sync"},
            Weights(written=1.0),
        ),
        Preset(
            "buffer-pool",
            "A database's buffer pool: a hot spot, read and written",
            "Its clients wait for the slowest first accesses.",
            "memfd",
            {"read": 1.0, "write": 0.3, "pattern": "hotspot", "threads": 2},
            Weights(startup=0.1, tail=0.1),
        ),
        Preset(
            "real-time",
            "A real-time program that must not fault",
            "Starting may take its time; a late first access is a failure.",
            "anon",
            {"sharing": "private", "read": 0.5, "write": 0.5, "size_bytes": 64 << 20},
            Weights(startup=0.01, tail=100.0),
        ),
        Preset(
            "sparse-matrix",
            "A large matrix that is nearly all zero and is read",
            "The shared zero page takes no memory; a private page for each zero does.",
            "anon",
            {"sharing": "private", "read": 1.0, "write": 0.01},
            Weights(memory=1.0),
        ),
        Preset(
            "dax",
            "Persistent memory with DAX, which is never written back",
            "Dirty pages cost nothing there, so WRITE has no drawback.",
            "file",
            {"read": 0.5, "write": 0.5},
            not_testable="it needs a file system mounted with -o dax on persistent memory, and the "
            "kit does not make one: mount one and name its directory",
        ),
    )
}
"""By id."""

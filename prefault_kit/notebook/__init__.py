"""What the notebooks share: verdict tables, and cells that say what this host lacks.

``%load_ext prefault_kit.notebook`` brings the cell magic ``%%needs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefault_kit.host import Unavailable, extras, features, thp
from prefault_kit.measure import memory_group
from prefault_kit.memory.backing import Backing
from prefault_kit.show.markdown import Markdown
from prefault_kit.show.verdicts import NOT_TESTABLE_HERE, verdicts
from prefault_kit.studies import latency, promises, qemu, weights
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.trial import by_hand, running
from prefault_kit.studies.weights import by_torch

FEATURES: dict[str, Callable[[], Unavailable | None]] = {
    "PAGEMAP_SCAN": features.pagemap_scan,
    "cachestat": lambda: features.cachestat_in("."),
    "mlock": features.mlock,
    "lockable memory": lambda: latency.Probe(Backing.anon()).why_not_lock(),
    "huge pages on demand": thp.why_not,
    "MADV_COLLAPSE": lambda: features.collapse("memfd", "shared"),
    "qemu": qemu.why_not,
    "userfaultfd": features.snapshots,
    "WP_ASYNC": lambda: features.userfaultfd("WP_ASYNC"),
    "own mounts": features.own_mounts,
    "page faults": features.fault_events,
    "memory cgroup": memory_group.why_not,
    "torch": by_torch.why_not,
    "dask": lambda: extras.missing("a fleet", "distributed"),
    "gcc": by_hand.why_not,
    "tracing": running.why_no_tracing,
    "FUSE": lambda: weights.why_not(weights.Plan(wait_us=1)),
}
"""What ``%%needs`` takes, apart from kinds of memory."""


def promised(*patterns: str, directory: str = ".") -> Markdown:
    """Check the promises whose ids match any pattern; the table that ends a notebook."""
    return verdicts(promises.check(promises.questions(patterns, [directory])))


def missing(name: str, directory: str = ".") -> Unavailable | None:
    """Why this host lacks a feature (:data:`FEATURES`) or a kind of memory (``shared file``)."""
    if name in FEATURES:
        return FEATURES[name]()
    if name.count(" ") != 1:
        raise ValueError(
            f"%%needs does not know {name!r}: it takes {', '.join(FEATURES)}, and kinds of memory"
        )
    found = Ground.find(name, directory)
    return found if isinstance(found, Unavailable) else None


def load_ipython_extension(shell: Any) -> None:
    """Register the cell magic ``%%needs NAME, NAME...``: run the cell if the host has them all."""

    def needs(line: str, cell: str) -> None:
        for name in line.split(","):
            if lacking := missing(name.strip()):
                print(NOT_TESTABLE_HERE, lacking)
                return
        shell.run_cell(cell).raise_error()

    shell.register_magic_function(needs, magic_kind="cell", magic_name="needs")

"""What the notebooks share: verdict tables, and cells that say what this host cannot show.

``%load_ext prefault_kit.notebook`` brings the cell magic ``%%needs``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit import latency, markdown, promises, qemu, snapshot
from prefault_kit.backing import Backing
from prefault_kit.host import Unavailable, features, thp
from prefault_kit.promises import Verdict
from prefault_kit.promises.ground import Ground
from prefault_kit.promises.promise import DIFFERS, NOT_TESTABLE
from prefault_kit.sparse import limited

NOT_TESTABLE_HERE = "not testable here:"
"""How a cell or a row begins that this host cannot show; the comparison of stored output knows
it (notebooks/conftest.py)."""

FEATURES: dict[str, Callable[[], Unavailable | None]] = {
    "PAGEMAP_SCAN": features.pagemap_scan,
    "cachestat": lambda: features.cachestat_in("."),
    "mlock": features.mlock,
    "lockable memory": lambda: latency.Watch(Backing.anon()).why_not_lock(),
    "huge pages on demand": thp.why_not,
    "MADV_COLLAPSE": lambda: features.collapse("memfd", "shared"),
    "qemu": qemu.why_not,
    "userfaultfd": snapshot.why_not,
    "WP_ASYNC": lambda: features.userfaultfd("WP_ASYNC"),
    "own mounts": limited.why_not,
}
"""What ``%%needs`` takes beside kinds of memory."""


@dataclass(frozen=True)
class Table:
    """Verdicts in Markdown: the claims, then a row for each on each kind of memory."""

    verdicts: Sequence[Verdict]

    def __repr__(self) -> str:
        claims = {each.id: f"- `{each.id}`: {each.claim} ({each.source})" for each in self.verdicts}
        rows = []
        for each in self.verdicts:
            memory = each.backing.split(" on ")[0]  # the file system is the host's
            observed, verdict = each.observed or "", each.verdict
            if verdict == NOT_TESTABLE:
                observed = f"{NOT_TESTABLE_HERE} {each.reason}"
            elif verdict == DIFFERS and each.reason:
                verdict = f"differs: {each.reason}"
            rows.append((f"`{each.id}`", memory, each.expected, observed, verdict))
        heads = ("promise", "memory", "expected", "observed", "verdict")
        return "\n".join([*claims.values(), "", markdown.table(heads, rows)])

    _repr_markdown_ = __repr__


def promised(*patterns: str, directory: str = ".") -> Table:
    """Check the promises whose ids match any pattern; the table that ends a notebook."""
    return Table(promises.check(promises.questions(patterns, [directory])))


def missing(name: str, directory: str = ".") -> Unavailable | None:
    """Why this host lacks a feature (:data:`FEATURES`) or a kind of memory (``shared file``)."""
    if name in FEATURES:
        return FEATURES[name]()
    if name.count(" ") != 1:
        raise ValueError(
            f"nothing is known of {name!r}: there are {', '.join(FEATURES)}, and kinds of memory"
        )
    found = Ground.find(name, directory)
    return found if isinstance(found, Unavailable) else None


def load_ipython_extension(shell: Any) -> None:
    """Let IPython know ``%%needs NAME, NAME...``: run the cell where the host has them all."""

    def needs(line: str, cell: str) -> None:
        for name in line.split(","):
            if lacking := missing(name.strip()):
                print(NOT_TESTABLE_HERE, lacking)
                return
        shell.run_cell(cell).raise_error()

    shell.register_magic_function(needs, magic_kind="cell", magic_name="needs")

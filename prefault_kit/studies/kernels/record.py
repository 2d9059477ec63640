"""What a kernel answered: its facts and verdicts, as one file of ``data/kernels``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.architecture import X86_64
from prefault_kit.studies.kernels.version import series

FORMAT = "prefault-kit kernel/1"
HOLDS, EXPLAINED, DIFFERS, NOT_TESTABLE = "holds", "explained", "differs", "not testable"
ORDER = (DIFFERS, EXPLAINED, HOLDS, NOT_TESTABLE)
"""Of several kinds of memory the first of these stands for a promise."""
WORDS = ("holds", "differs", "not-testable")
"""The verdicts as ``check --json`` prints them."""
FACTS = ("kernel", "machine", "page_size_bytes", "thp", "shmem_thp", "huge_page_sizes_bytes")
"""Of the guest: nothing that is the host's."""
CONFIGURATION = (
    "64BIT", "CPU_BIG_ENDIAN", "FUSE_FS", "HUGETLBFS", "LRU_GEN_ENABLED", "MEMCG", "MEM_SOFT_DIRTY",
    "PER_VMA_LOCK", "PREEMPT_RT", "PT_RECLAIM", "READ_ONLY_THP_FOR_FS", "SECRETMEM", "SWAP",
    "TRANSPARENT_HUGEPAGE", "USERFAULTFD",
)  # fmt: skip
"""What of a kernel's configuration matters to the promises."""


FIELDS = {
    "version": str, "architecture": str, "accelerator": str, "file_systems": list, "facts": dict,
    "verdicts": list, "error": str, "configuration": dict,
}  # fmt: skip
TEXT, OR_NONE = (str,), (str, type(None))
VERDICT: dict[str, tuple[type, ...]] = {
    "id": TEXT, "source": TEXT, "claim": TEXT, "backing": TEXT, "expected": TEXT, "verdict": TEXT,
    "observed": OR_NONE, "reason": OR_NONE,
}  # fmt: skip
"""What the fields of a file are."""


@dataclass(frozen=True)
class Record:
    """A kernel, how it was run, and its verdicts as ``check --json`` prints them."""

    version: str
    architecture: str
    accelerator: str
    file_systems: Sequence[str]
    facts: dict[str, Any]
    verdicts: Sequence[dict[str, Any]]
    error: str = ""
    """Why there are no verdicts: a kernel that hangs or panics is recorded as well."""
    configuration: dict[str, str] = field(default_factory=dict)
    """The options of :data:`CONFIGURATION` that are set, without ``CONFIG_``; empty if unknown."""

    @property
    def name(self) -> str:
        """The kernel, and its page size where it is not 4 KiB."""
        size = self.facts.get("page_size_bytes", 4096)
        other = [] if self.architecture == "x86_64" else [self.architecture]
        return " ".join([self.version, *other, *([] if size == 4096 else [f"{size >> 10} KiB"])])

    @property
    def file_name(self) -> str:
        """What its file is called: the same whether it answered or not, so that an answer takes the
        place of a failure."""
        other = "" if self.architecture == X86_64.name else f"-{self.architecture}"
        return f"{self.version}{other}.json"

    @property
    def is_usual(self) -> bool:
        """Whether it is for x86-64 and of no other flavour: what most programs meet."""
        return self.architecture == X86_64.name and "-" not in series(self.version)

    @property
    def order(self) -> tuple[int, int, bool, tuple[int, int, int, int, str], str]:
        """From old to new; of one series the usual ones first."""
        place = version.order(self.version)
        return place[0], place[1], not self.is_usual, place, self.name

    def outcomes(self) -> dict[str, str]:
        """The promises by id, each with one of :data:`ORDER`."""
        found: dict[str, str] = {}
        for each in self.verdicts:
            new = outcome(each)
            before = found.get(each["id"], new)
            found[each["id"]] = min(before, new, key=ORDER.index)
        return found

    def dump(self) -> str:
        """The text of a file."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        """What :meth:`dump` gave; ValueError says what is wrong."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            if saved.pop("format") != FORMAT:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"{path} is not a recorded kernel ({FORMAT})") from None
        if more := sorted(set(saved) - {each.name for each in fields(cls)}):
            raise ValueError(
                f"{path} is not a recorded kernel that this prefault-kit knows: it has "
                f"{', '.join(more)}, and is from a newer one"
            )
        if wrong := _wrong(saved):
            raise ValueError(f"{path} is not a recorded kernel ({FORMAT}): {wrong}")
        return cls(**saved)


def _wrong(saved: dict[str, Any]) -> str:
    """What is not as :meth:`Record.dump` writes it; "" if all is."""
    saved = {"error": "", "configuration": {}} | saved
    for name, kind in FIELDS.items():
        if not isinstance(saved.get(name), kind):
            return f"{name} is missing or of another kind"
    size = saved["facts"].get("page_size_bytes", 4096)
    if type(size) is not int or size <= 0:
        return "page_size_bytes is no number of bytes"
    if not saved["version"] or not all(isinstance(each, str) for each in saved["file_systems"]):
        return "version or file_systems has no names"
    if not all(isinstance(each, str) for each in saved["configuration"].values()):
        return "configuration has other values than text"
    for each in saved["verdicts"]:
        if not isinstance(each, dict):
            return "a verdict is none"
        for name, kinds in VERDICT.items():
            if name not in each or not isinstance(each[name], kinds):
                return f"{name} of a verdict is missing or no text"
        if each["verdict"] not in WORDS:
            return f"a verdict is {each['verdict']}"
    return ""


def configuration(place: Path) -> dict[str, str]:
    """What matters of the configuration file that lies somewhere below a kernel's place."""
    for path in sorted(place.rglob("config-*")):
        text = path.read_text(encoding="utf-8", errors="replace")
        found = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE))
        if found:
            return {name: found[name] for name in CONFIGURATION if name in found}
    return {}


def outcome(verdict: dict[str, Any]) -> str:
    """One of :data:`ORDER` for a verdict as ``check --json`` prints it."""
    if verdict["verdict"] == "not-testable":
        return NOT_TESTABLE
    if verdict["verdict"] == "holds":
        return HOLDS
    return EXPLAINED if verdict["reason"] else DIFFERS


def place_of(memory: str) -> str:
    """The file system of a verdict's memory, ``ext4`` of ``shared file on ext4``; "" of others."""
    return memory.partition(" on ")[2]


def load_all(directory: Path) -> list[Record]:
    """The recorded kernels of a directory, from old to new; ValueError for a file that is none, or
    for two of one kernel."""
    found: dict[str, tuple[Record, Path]] = {}
    for path in sorted(directory.glob("*.json")):
        made = Record.load(path)
        if made.name in found:
            other = found[made.name][1].name
            raise ValueError(
                f"{path} and {other} are of one kernel, {made.name}: remove one of them"
            )
        found[made.name] = made, path
    return sorted((made for made, _ in found.values()), key=lambda each: each.order)


def usual(records: Sequence[Record]) -> list[Record]:
    """The usual ones that answered, from old to new."""
    return [each for each in records if each.is_usual and not each.error]


def table(records: Sequence[Record]) -> list[tuple[str, list[str]]]:
    """A line for each promise: its id, and the outcome on each kernel, or ``-`` without one."""
    outcomes = [each.outcomes() for each in records]
    names = dict.fromkeys(name for each in outcomes for name in each)
    return [(name, [each.get(name, "-") for each in outcomes]) for name in names]

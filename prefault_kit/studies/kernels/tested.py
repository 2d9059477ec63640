"""What the project's own tests did on other kernels: a line each in ``data/kernels/tests.csv``."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self
from xml.etree import ElementTree

from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.architecture import X86_64

FILE = "tests.csv"
"""Where the lines are, beside the records."""
ANSWERS = re.compile(r"^.* answers E\w+ where it should work: |^\[Errno \d+\] ")
"""What stands before the reason of a test that was skipped."""


FAILURES = ("failure", "error")


@dataclass(frozen=True)
class Count:
    """How many tests passed on a kernel, were skipped or failed, and why they were skipped."""

    kernel: str
    """Its version, with the architecture where it is not x86-64."""
    passed: int
    skipped: int
    failed: int
    why: str
    """The reasons of those skipped, the most frequent first, each with its count."""

    @classmethod
    def of(cls, version: str, architecture: str, report: bytes) -> Self:
        """From what pytest's ``--junitxml`` wrote; ValueError for what is no such report."""
        try:
            cases = list(ElementTree.fromstring(report).iter("testcase"))
        except ElementTree.ParseError:
            raise ValueError(f"{version}: its tests left no whole report") from None
        skipped = [each for case in cases for each in case.iter("skipped")]
        failed = sum(any(case.find(how) is not None for how in FAILURES) for case in cases)
        reasons = Counter(ANSWERS.sub("", each.get("message", "")) for each in skipped)
        name = version if architecture == X86_64.name else f"{version} {architecture}"
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        return cls(name, len(cases) - len(skipped) - failed, len(skipped), failed, why)


def read(path: Path) -> list[Count]:
    """The lines of a file, as :func:`text` wrote them."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Count(
            each["kernel"],
            int(each["passed"]),
            int(each["skipped"]),
            int(each["failed"]),
            each["why"],
        )
        for each in rows
    ]


def text(rows: Iterable[Count]) -> str:
    """Lines from old kernels to new; of several for one kernel the last."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [each.name for each in fields(Count)], lineterminator="\n")
    writer.writeheader()
    latest = {each.kernel: each for each in rows}
    for each in sorted(latest.values(), key=_order):
        writer.writerow(asdict(each))
    return out.getvalue()


def _order(row: Count) -> tuple[bool, tuple[int, int, int, int, str], str]:
    """Those for x86-64 first."""
    name, _, architecture = row.kernel.partition(" ")
    return architecture != "", version.order(name), architecture

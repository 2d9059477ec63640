"""Findings as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from prefault_kit import host
from prefault_kit.memory.sizes import format_bytes

from .findings import Finding, NotMeasured
from .lockstep import Compared, Skipped

FARTHEST = 12
"""How many cells are shown unless all are asked for: those farthest from 1."""


def judge(cells: Sequence[Compared | Skipped], size_bytes: int) -> list[Finding | NotMeasured]:
    """The budgets of the cells at one size: at the median, and each."""
    done = [cell for cell in cells if isinstance(cell, Compared) and cell.size_bytes == size_bytes]
    every = sum(cell.size_bytes == size_bytes for cell in cells)
    what = f"best time over plain C's at {format_bytes(size_bytes)}"
    if not done:
        return [NotMeasured(what, "no cell can run here")]
    control = statistics.median(cell.control for cell in done)
    lowest = min(done, key=lambda cell: cell.ratio)
    highest = max(done, key=lambda cell: cell.ratio)
    cold = "" if highest.cold is None else f"; C with cold caches {highest.cold:.3f}"
    middle = statistics.median(cell.ratio for cell in done)
    return [
        Finding(
            f"{what}: median",
            middle,
            1.03,
            at_least=0.97,
            detail=f"{len(done)} of {every} cells; C against C {control:.3f}",
        ),
        Finding(
            f"{what}: lowest cell",
            lowest.ratio,
            1.10,
            at_least=0.90,
            detail=f"{lowest.label}; C against C {lowest.control:.3f}",
        ),
        Finding(
            f"{what}: highest cell",
            highest.ratio,
            1.10,
            at_least=0.90,
            detail=f"{highest.label}; C against C {highest.control:.3f}{cold}",
        ),
    ]


def show_findings(console: Console, findings: Sequence[Finding | NotMeasured]) -> None:
    """Every budget with its figure, and the figure as a part of what is allowed."""
    table = Table("budget", title="Budgets; share is the part of what is allowed")
    for head in ("measured", "allowed", "share"):
        table.add_column(head, justify="right")
    table.add_column("met")
    table.add_column("detail")
    for finding in findings:
        if isinstance(finding, NotMeasured):
            table.add_row(finding.budget, "", "", "", "not measured", finding.reason)
            continue
        allowed = _figure(finding.at_most, finding.unit)
        if finding.at_least:
            allowed = f"{finding.at_least:.2f} to {allowed}"
        table.add_row(
            finding.budget,
            _figure(finding.measured, finding.unit),
            allowed,
            f"{finding.share:.0%}",
            "yes" if finding.met else "[bold red]no[/]",
            "; ".join(filter(None, (finding.broken, finding.detail))),
        )
    console.print(table)


def show_cells(console: Console, cells: Sequence[Compared | Skipped], every: bool) -> None:
    """The cells farthest from 1, or all in their order; then what was skipped, and why."""
    done = [cell for cell in cells if isinstance(cell, Compared)]
    title = f"{len(done)} cells against plain C, best times"
    if not every and len(done) > FARTHEST:
        done = sorted(done, key=lambda cell: -abs(cell.ratio - 1))[:FARTHEST]
        title += f"; the {FARTHEST} farthest from 1"
    table = Table("cell", title=title)
    heads = ("size", "rounds", "kit ms", "C ms", "kit/C", "C/C", "cold C/C", "medians kit/C")
    for head in heads:
        table.add_column(head, justify="right")
    for cell in done:
        table.add_row(
            cell.label,
            format_bytes(cell.size_bytes),
            str(cell.rounds),
            f"{cell.kit_ns / 1e6:.4g}",
            f"{cell.c_ns / 1e6:.4g}",
            f"{cell.ratio:.3f}",
            f"{cell.control:.3f}",
            "" if cell.cold is None else f"{cell.cold:.3f}",
            f"{cell.kit_median_ns / cell.c_median_ns:.3f}",
        )
    if done:
        console.print(table)
    skipped: dict[tuple[str, str | None], list[Skipped]] = {}
    for each in cells:
        if isinstance(each, Skipped):
            skipped.setdefault((each.reason, each.command), []).append(each)
    for (reason, command), those in skipped.items():
        console.print(f"{len(those)} cells skipped, as {those[0].label}: {reason}", markup=False)
        if command:
            console.print(f"    {command}", markup=False, soft_wrap=True)


def _figure(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if unit else f"{value:.3f}"


def save(
    path: Path,
    findings: Sequence[Finding | NotMeasured],
    cells: Sequence[Compared | Skipped],
) -> None:
    """Write all figures, with the facts of the machine and no name of it."""
    data: dict[str, Any] = {
        "host": host.facts(),
        "findings": [finding.as_dict() for finding in findings],
        "cells": [
            asdict(cell)
            | (
                {"ratio": cell.ratio, "control": cell.control, "cold": cell.cold}
                if isinstance(cell, Compared)
                else {}
            )
            for cell in cells
        ],
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

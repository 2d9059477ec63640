"""How long the tests take."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from .findings import Finding, NotMeasured

ROOT = Path(__file__).resolve().parents[2]
BUDGET = "make test, set-up aside"


def testing() -> Finding | NotMeasured:
    """Set up, then run ``make test`` and take its time."""
    subprocess.run(["make", "setup"], cwd=ROOT, check=True, capture_output=True, timeout=600)
    began = time.monotonic()
    done = subprocess.run(["make", "test"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    seconds = time.monotonic() - began
    if done.returncode:
        return NotMeasured(BUDGET, f"it fails after {seconds:.0f} s: run make test")
    return Finding(BUDGET, seconds * 1000, 240_000, "ms", detail=done.stdout.splitlines()[-1])

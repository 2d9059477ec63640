"""The weights lab: map a file of weights, populate it or read it, and a second process."""

from prefault_kit.studies.weights.crossing import OVER_LIMIT, USED, Crossing, compare
from prefault_kit.studies.weights.loading import OK, Load
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import (
    AGAIN,
    FIRST,
    LAST,
    Found,
    Record,
    Repetition,
    read,
    save,
)
from prefault_kit.studies.weights.running import Progress, run, run_many, why_not
from prefault_kit.studies.weights.ways import USUAL, WAYS, Way

__all__ = [
    "AGAIN",
    "FIRST",
    "LAST",
    "OK",
    "OVER_LIMIT",
    "USED",
    "USUAL",
    "WAYS",
    "Crossing",
    "Found",
    "Load",
    "Plan",
    "Progress",
    "Record",
    "Repetition",
    "Way",
    "compare",
    "read",
    "run",
    "run_many",
    "save",
    "why_not",
]

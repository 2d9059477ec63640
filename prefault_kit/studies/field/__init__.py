"""Public decisions for and against prefaulting, each tried on this host: to add one, add a row."""

from prefault_kit.studies.field.case import Case, Memory, Way
from prefault_kit.studies.field.cases import CASES
from prefault_kit.studies.field.claims import DIFFERS, HOLDS, NOT_TESTABLE, Found, Verdict
from prefault_kit.studies.field.running import run

__all__ = [
    "CASES",
    "DIFFERS",
    "HOLDS",
    "NOT_TESTABLE",
    "Case",
    "Found",
    "Memory",
    "Verdict",
    "Way",
    "run",
]

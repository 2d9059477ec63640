"""Which advice helps a program that nobody changes? Each is tried on it, and it is timed."""

from prefault_kit.studies.trial.advice import NO_DIFFERENCE, Recommendation, recommend
from prefault_kit.studies.trial.mappings import Choice, Group
from prefault_kit.studies.trial.plan import Plan
from prefault_kit.studies.trial.ready import Ready
from prefault_kit.studies.trial.result import Row, Run, Trial
from prefault_kit.studies.trial.run import Setting
from prefault_kit.studies.trial.running import TrialProgress, run

__all__ = [
    "NO_DIFFERENCE",
    "Choice",
    "Group",
    "Plan",
    "Ready",
    "Recommendation",
    "Row",
    "Run",
    "Setting",
    "Trial",
    "TrialProgress",
    "recommend",
    "run",
]

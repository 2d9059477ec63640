"""READ or WRITE? A workload measured on every way to prefault, and what follows from it."""

from prefault_kit.studies.review.advice import Crossing, Recommendation, crossing, recommend
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.measured import Candidate, Progress, Review, run
from prefault_kit.studies.review.workload import Workload

__all__ = [
    "Candidate",
    "Crossing",
    "Progress",
    "Recommendation",
    "Review",
    "Weights",
    "Workload",
    "crossing",
    "recommend",
    "run",
]

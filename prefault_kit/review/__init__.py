"""READ or WRITE? A workload measured on every way to prefault, and what follows from it."""

from prefault_kit.review.advice import Crossing, Recommendation, as_dict, crossing, recommend
from prefault_kit.review.cost import Weights
from prefault_kit.review.measured import Candidate, Progress, Review, run
from prefault_kit.review.workload import Workload

__all__ = [
    "Candidate",
    "Crossing",
    "Progress",
    "Recommendation",
    "Review",
    "Weights",
    "Workload",
    "as_dict",
    "crossing",
    "recommend",
    "run",
]

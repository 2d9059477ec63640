"""READ or WRITE? A workload measured with every method of prefaulting, and a recommendation."""

from prefault_kit.studies.review.advice import Crossing, Recommendation, crossing, recommend
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.result import CandidateResult, Review
from prefault_kit.studies.review.running import ReviewProgress, run
from prefault_kit.studies.review.workload import Workload

__all__ = [
    "CandidateResult",
    "Crossing",
    "Recommendation",
    "Review",
    "ReviewProgress",
    "Weights",
    "Workload",
    "crossing",
    "recommend",
    "run",
]

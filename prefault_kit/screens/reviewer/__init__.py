"""The design review as a screen: describe a workload, measure it, weigh the costs, export a page.

In a notebook: ``from prefault_kit.screens.reviewer import reviewer; reviewer()``.
"""

from prefault_kit.screens.reviewer.model import Reviewer
from prefault_kit.screens.reviewer.view import ReviewerView, reviewer, view

__all__ = ["Reviewer", "ReviewerView", "reviewer", "view"]

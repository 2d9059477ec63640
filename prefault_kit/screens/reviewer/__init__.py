"""The design review on the screen: describe a workload, measure it, weigh it, export the page.

In a notebook: ``from prefault_kit.screens.reviewer import reviewer; reviewer()``.
"""

from prefault_kit.screens.reviewer.model import Reviewer
from prefault_kit.screens.reviewer.view import View, reviewer, view

__all__ = ["Reviewer", "View", "reviewer", "view"]

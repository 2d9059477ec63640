"""A running process as a screen: its mappings to scale, its faults as they happen, what is amiss.

In a notebook: ``from prefault_kit.screens.process import your_process; your_process()``.
"""

from prefault_kit.screens.process.model import ProcessScreen
from prefault_kit.screens.process.view import ProcessView, view, your_process

__all__ = ["ProcessScreen", "ProcessView", "view", "your_process"]

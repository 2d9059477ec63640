"""A trial as a screen: choose a program, try advice on it, see which helps, export a page.

In a notebook: ``from prefault_kit.screens.trial import your_program; your_program()``.
"""

from prefault_kit.screens.trial.model import ProgramScreen
from prefault_kit.screens.trial.view import ProgramView, view, your_program

__all__ = ["ProgramScreen", "ProgramView", "view", "your_program"]

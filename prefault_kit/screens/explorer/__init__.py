"""The explorer: choose memory and a method, run it, and see what the kernel did.

In a notebook: ``from prefault_kit.screens.explorer import explorer; explorer()``.
"""

from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.explorer.view import ExplorerView, explorer, view

__all__ = ["Explorer", "ExplorerView", "explorer", "view"]

"""How long first touches wait, live, and what undoes a preparation.

In a notebook: ``from prefault_kit.screens.latency import watcher; watcher()``.
"""

from prefault_kit.screens.latency.model import Watcher
from prefault_kit.screens.latency.view import View, view, watcher

__all__ = ["View", "Watcher", "view", "watcher"]

"""The playground: touch real pages, and see page table, page cache and storage change."""

from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.playground.scene import scene
from prefault_kit.screens.playground.view import PlaygroundView, playground, view

__all__ = ["Playground", "PlaygroundView", "playground", "scene", "view"]

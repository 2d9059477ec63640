"""The playground: a small range of real memory, touched and advised step by step.

A :class:`~prefault_kit.studies.playground.ground.Ground` says which memory, a
:class:`~prefault_kit.studies.playground.ground.Step` what is done to which pages, and a
:class:`~prefault_kit.studies.playground.stage.Playing` does it in a process that may die and tells
what it saw.
"""

from prefault_kit.studies.playground.ground import Ground, Step
from prefault_kit.studies.playground.operations import OPERATIONS
from prefault_kit.studies.playground.playing import Act, Playing
from prefault_kit.studies.playground.strips import Strips

__all__ = ["OPERATIONS", "Act", "Ground", "Playing", "Step", "Strips"]

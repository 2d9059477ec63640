"""The page faults of a program, recorded in time and place; what a later run used of them again."""

from prefault_kit.measure.trace import Trace
from prefault_kit.measure.trace_file import load, save
from prefault_kit.studies.trace.running import NothingSeen, run

__all__ = ["NothingSeen", "Trace", "load", "run", "save"]

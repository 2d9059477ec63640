"""Recorded runs side by side: what differs between their hosts, and what between their figures."""

from prefault_kit.studies.comparison.comparison import Comparison, compare
from prefault_kit.studies.comparison.reading import read, read_all
from prefault_kit.studies.comparison.recorded import Answer, Run

__all__ = ["Answer", "Comparison", "Run", "compare", "read", "read_all"]

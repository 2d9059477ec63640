"""How long a program waits that comes to its pages on a beat, by how they were prepared.

Several mappings of the same kind, each prepared in a way of its own, are touched a page a beat
each, turn by turn, for seconds or minutes; in the midst something may happen that undoes it.
"""

from prefault_kit.studies.latency.latencies import Latencies, Way, read
from prefault_kit.studies.latency.watch import Watch
from prefault_kit.studies.latency.watching import Progress, run

__all__ = ["Latencies", "Progress", "Watch", "Way", "read", "run"]
"""What scripts use; the screen is :mod:`prefault_kit.screens.latency.view`."""

"""A latency probe: how long first writes to memory take, by how the memory was prepared.

Several mappings of the same kind are prepared in different ways (populated, locked, touched, not at
all). Then a page of each is written once a period, turn by turn, for seconds or minutes. Halfway an
event may happen that undoes the preparation: a fork, a sync, reclaim.

>>> from prefault_kit import Backing
>>> from prefault_kit.studies import latency
>>> found = latency.run(latency.Probe(Backing.anon(), seconds=1), ["nothing", "POPULATE_WRITE"])
>>> found.faulted("nothing"), found.faulted("POPULATE_WRITE")
(('all', 'all'), ('none', 'none'))
"""

from prefault_kit.studies.latency.latencies import Latencies, Samples, read
from prefault_kit.studies.latency.probe import Probe
from prefault_kit.studies.latency.running import ProbeProgress, run

__all__ = ["Latencies", "Probe", "ProbeProgress", "Samples", "read", "run"]
"""What scripts use; the screen is :mod:`prefault_kit.screens.latency`."""

"""prefault_kit.studies.latency.watching: a watch in the worker, told while it goes on."""

import os
import signal

import pytest

from prefault_kit import Backing
from prefault_kit.measure.worker import Worker
from prefault_kit.studies import latency
from prefault_kit.studies.latency.ways import TOUCHED


def test_no_room_is_said_beforehand() -> None:
    """And nothing is run."""
    watch = latency.Watch(Backing.anon(), seconds=3600, period_us=100)
    with pytest.raises(OSError, match=r"memory are needed|is refused by the kernel"):
        latency.run(watch)


def test_it_is_told_slot_by_slot() -> None:
    """Each time with all that came so far, to the end; only the ways that were asked for."""
    told: list[latency.Progress] = []
    watch = latency.Watch(Backing.anon(), seconds=1)
    found = latency.run(watch, ["nothing", TOUCHED], on_progress=told.append)
    lengths = [len(each.latencies.ways["nothing"].waits_ns) for each in told]
    assert lengths == sorted(lengths)
    assert len(told) > 2
    assert lengths[-1] == watch.beats
    assert told[-1].part == 1
    assert told[-1].latencies.ways.keys() == found.ways.keys() == {"nothing", TOUCHED}
    assert found.host["kernel"]


def test_a_death_is_an_error_in_words() -> None:
    """The worker is killed in the middle; the next watch works."""
    watch = latency.Watch(Backing.anon(), seconds=1)
    with Worker() as worker:

        def kill(progress: latency.Progress) -> None:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)

        with pytest.raises(OSError, match="SIGKILL"):
            latency.run(watch, ["nothing"], worker=worker, on_progress=kill)
        assert latency.run(watch, ["nothing"], worker=worker).ways

"""prefault_kit.studies.latency.running: a probe in the worker, reported while it goes on."""

import os
import signal

import pytest

from prefault_kit import Backing
from prefault_kit.measure.worker import Worker
from prefault_kit.studies.latency import Probe, ProbeProgress, run


def test_progress_has_what_was_measured_so_far() -> None:
    """Each report has more than the one before; the last one is what is returned."""
    reports: list[ProbeProgress] = []
    found = run(Probe(Backing.anon(), seconds=1), ["nothing"], on_progress=reports.append)
    lengths = [len(report.latencies.samples["nothing"].waits_ns) for report in reports]
    assert lengths == sorted(set(lengths))
    assert [report.part for report in reports] == [length / 250 for length in lengths]
    assert reports[-1].part == 1
    assert reports[-1].latencies is found


def test_no_room_is_reported_beforehand() -> None:
    """Nothing runs."""
    probe = Probe(Backing.anon(), seconds=3600, period_us=100)
    with pytest.raises(OSError, match=r"memory are needed|is refused by the kernel"):
        run(probe)


def test_a_death_is_an_error_in_words() -> None:
    """The worker is killed halfway; the next probe works."""
    probe = Probe(Backing.anon(), seconds=1)
    with Worker() as worker:

        def kill(_: ProbeProgress) -> None:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)

        with pytest.raises(OSError, match="SIGKILL"):
            run(probe, ["nothing"], worker=worker, on_progress=kill)
        assert run(probe, ["nothing"], worker=worker).samples

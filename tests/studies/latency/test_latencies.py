"""prefault_kit.studies.latency.latencies: what a watch came to."""

import math
from pathlib import Path

import numpy

from prefault_kit import Backing
from prefault_kit.studies import latency
from prefault_kit.studies.latency.ways import TOUCHED


def test_a_watch_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Every wait, and what was counted and refused."""
    found = latency.run(latency.Watch(Backing.anon(), seconds=1), ["nothing", TOUCHED])
    found.save(tmp_path / "watch.npz")
    again = latency.read(tmp_path / "watch.npz")
    assert (again.watch, again.refused) == (found.watch, found.refused)
    assert list(again.ways) == list(found.ways)
    assert [again.faulted(way) for way in again.ways] == [found.faulted(way) for way in found.ways]
    assert (again.ways["nothing"].waits_ns == found.ways["nothing"].waits_ns).all()
    assert again.host == found.host


def made(waits_ns: list[int], **other: object) -> latency.Latencies:
    """A watch that was not made."""
    watch = latency.Watch(Backing.anon(), seconds=1, period_us=250_000, **other)  # type: ignore[arg-type]
    way = latency.Way(numpy.array(waits_ns, "uint32"), 0, 2)
    return latency.Latencies(watch, {"nothing": way})


def test_figures_are_of_the_halves() -> None:
    """Four beats, the event before the third."""
    found = made([1000, 3000, 5000, 9000], event="fork")
    before, after = found.quantiles_us("nothing")
    assert (before["p50"], before["max"], after["p50"], after["max"]) == (2, 3, 7, 9)
    assert found.worst_us("nothing") == ([0, 0.25, 0.5, 0.75], [1, 3, 5, 9])
    assert found.slower("nothing") == ([1, 3], [1, 0.5])
    assert made([1000, 3000, 5000, 9000]).slower("nothing")[0] == [1, 3, 5, 9]
    assert found.watch.event_s == 0.5


def test_half_a_watch_has_no_second_half() -> None:
    """While it is under way."""
    _, after = made([1000], event="fork").quantiles_us("nothing")
    assert math.isnan(after["p50"])

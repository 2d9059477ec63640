"""prefault_kit.studies.latency.latencies: figures of a probe, and its file."""

import math
from pathlib import Path

import numpy
import pytest

from prefault_kit import Backing
from prefault_kit.studies import latency
from prefault_kit.studies.latency.preparations import PREPARATIONS, TOUCHED

RUNS = Path(__file__).parents[3] / "data" / "runs"


def made(
    waits_ns: list[int], *, faults: tuple[int, int] = (0, 2), **other: object
) -> latency.Latencies:
    """The latencies of a probe of four touches."""
    probe = latency.Probe(Backing.anon(), seconds=1, period_us=250_000, **other)  # type: ignore[arg-type]
    samples = latency.Samples(numpy.array(waits_ns, "uint32"), *faults)
    return latency.Latencies(probe, {"nothing": samples})


def test_figures_are_of_the_halves() -> None:
    """Four touches, the event before the third."""
    found = made([1000, 3000, 5000, 9000], event="fork")
    before, after = found.quantiles_us("nothing")
    assert (before["p50"], before["max"], after["p50"], after["max"]) == (2, 3, 7, 9)
    assert found.worst_us("nothing") == ([0, 0.25, 0.5, 0.75], [1, 3, 5, 9])
    assert found.exceedance("nothing") == ([1, 3], [1, 0.5])
    assert made([1000, 3000, 5000, 9000]).exceedance("nothing")[0] == [1, 3, 5, 9]
    assert found.probe.event_s == 0.5


def test_p999_is_neither_the_usual_wait_nor_the_longest() -> None:
    """Of some two thousand waits in each half ten are long, and one is longer still."""
    probe = latency.Probe(Backing.anon(), seconds=1, period_us=250, event="fork")
    waits_ns = numpy.full(probe.touches, 1000, "uint32")
    for begin, long_ns in ((0, 50_000), (probe.touches_before, 70_000)):
        waits_ns[begin : begin + 10] = long_ns
        waits_ns[begin + 10] = 900_000
    found = latency.Latencies(probe, {"nothing": latency.Samples(waits_ns, 0, 0)})
    before, after = found.quantiles_us("nothing")
    assert before == {"p50": 1, "p999": 50, "max": 900}
    assert after == {"p50": 1, "p999": 70, "max": 900}


def test_half_a_probe_has_no_second_half() -> None:
    """While it runs."""
    _, after = made([1000], event="fork").quantiles_us("nothing")
    assert math.isnan(after["p50"])


def test_before_the_first_touch_there_is_nothing_to_draw() -> None:
    """Empty curves, not an error."""
    found = made([])
    assert found.worst_us("nothing") == found.exceedance("nothing") == ([], [])


@pytest.mark.parametrize(
    ("faults", "words"),
    [((0, 500), ("none", "all")), ((4, 460), ("none", "all")), ((5, 449), ("some", "some"))],
)
def test_a_few_faults_are_none_and_nearly_all_are_all(
    faults: tuple[int, int], words: tuple[str, str]
) -> None:
    """A fork copies pages of the worker too; an event takes a moment."""
    samples = latency.Samples(numpy.zeros(1000, "uint32"), *faults)
    probe = latency.Probe(Backing.anon(), seconds=4, event="fork")
    assert latency.Latencies(probe, {"nothing": samples}).faulted("nothing") == words


def test_a_probe_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Every wait, and what was counted and refused."""
    found = latency.run(latency.Probe(Backing.anon(), seconds=1), ["nothing", TOUCHED])
    found.save(tmp_path / "probe.npz")
    again = latency.read(tmp_path / "probe.npz")
    assert (again.probe, again.refused, again.host) == (found.probe, found.refused, found.host)
    assert list(again.samples) == list(found.samples)
    for name, samples in found.samples.items():
        assert again.faulted(name) == found.faulted(name)
        assert (again.samples[name].waits_ns == samples.waits_ns).all()


@pytest.mark.parametrize("path", sorted(RUNS.glob("latency-*.npz")), ids=lambda path: path.stem)
def test_recorded_files_stay_readable(path: Path) -> None:
    """A minute, 15000 touches, every preparation."""
    found = latency.read(path)
    assert tuple(found.samples) == tuple(PREPARATIONS)
    assert {len(samples.waits_ns) for samples in found.samples.values()} == {15000}
    assert found.probe.seconds == 60
    assert found.host["kernel"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    """Text, other arrays, a truncated archive: one sentence."""
    recorded = next(iter(RUNS.glob("latency-*.npz"))).read_bytes()
    numpy.savez(tmp_path / "arrays.npz", a=numpy.ones(1))
    (tmp_path / "text.npz").write_text("waits")
    (tmp_path / "cut.npz").write_bytes(recorded[:1000])
    (tmp_path / "empty.npz").write_bytes(b"")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ValueError, match=f"{path} is not a recorded latency probe"):
            latency.read(path)
    with pytest.raises(FileNotFoundError):
        latency.read(tmp_path / "missing.npz")

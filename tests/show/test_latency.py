"""prefault_kit.show.latency: a probe as a table, and as a PNG with the table as its text."""

from pathlib import Path

import numpy
import pytest

from prefault_kit import Backing
from prefault_kit.show.latency import COLOURS, distribution_title, picture, table
from prefault_kit.studies import latency
from prefault_kit.studies.latency.preparations import PREPARATIONS

RUNS = Path(__file__).parents[2] / "data" / "runs"


@pytest.mark.parametrize("path", sorted(RUNS.glob("latency-*.npz")), ids=lambda path: path.stem)
def test_a_recorded_minute_is_drawn(path: Path) -> None:
    """Its text is the table; nearly no page that was populated for writing had to be waited for."""
    found = latency.read(path)
    before, _ = found.quantiles_us("POPULATE_WRITE")
    assert before["p50"] < 1 < found.quantiles_us("nothing")[0]["p50"]
    drawn = picture(found)
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert repr(drawn) == repr(table(found))
    assert repr(drawn).count("\n") == len(PREPARATIONS) + 1


def test_half_a_probe_has_no_second_half() -> None:
    """While it runs there is a dash for each figure; what was refused is below."""
    probe = latency.Probe(Backing.anon(), seconds=1, period_us=250_000, event="fork")
    samples = {"nothing": latency.Samples(numpy.array([1000], "uint32"), 0, 2)}
    found = latency.Latencies(probe, samples, {"MLOCK": "no room"})
    text = repr(table(found))
    assert "| nothing | 1.0 | 1.0 | 1.0 | none | - | - | - | none |" in text
    assert text.endswith("\nMLOCK: no room.")
    assert distribution_title(found) == "Waits of first touches before the fork"


def test_every_preparation_has_a_colour_of_its_own() -> None:
    """The same in every chart."""
    assert set(COLOURS) == set(PREPARATIONS)
    assert len(set(COLOURS.values())) == len(PREPARATIONS)

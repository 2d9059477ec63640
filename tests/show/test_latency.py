"""prefault_kit.show.latency: a PNG, and the table as its text."""

from pathlib import Path

import pytest

from prefault_kit.show import tables
from prefault_kit.show.latency import Picture
from prefault_kit.studies import latency

RUNS = Path(__file__).parents[2] / "data" / "runs"


@pytest.mark.parametrize("path", sorted(RUNS.glob("latency-*.npz")), ids=lambda path: path.stem)
def test_a_recorded_minute_is_drawn(path: Path) -> None:
    """15000 beats a way; who had populated for writing did not wait in the first half, mostly."""
    found = latency.read(path)
    assert {len(way.waits_ns) for way in found.ways.values()} == {15000}
    before, _ = found.quantiles_us("POPULATE_WRITE")
    assert before["p50"] < 1 < found.quantiles_us("nothing")[0]["p50"]
    picture = Picture(found)
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert repr(picture) == repr(tables.latencies(found))

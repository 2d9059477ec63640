"""prefault_kit.studies.review.cost: weights and seconds."""

import pytest

from prefault_kit.studies.review import Weights
from prefault_kit.studies.review.cost import cost_s
from tests.studies.review.made import trial


def test_without_weights_it_is_all_the_time() -> None:
    """Prefault, access, sync and reading again; eviction is the kernel's own affair."""
    made = trial(prefault_ms=100, access_ms=20, sync_ms=3, evict_ms=50, refault_ms=2)
    assert cost_s(made, Weights()) == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("weights", "seconds"),
    [
        (Weights(startup=0), 0.0),
        (Weights(startup=0, tail=2), 6.0),
        (Weights(startup=0, written=3), 1.5),
        (Weights(startup=0, memory=0.5), 1.0),
    ],
)
def test_each_weight_has_its_unit(weights: Weights, seconds: float) -> None:
    """A ms of the 99.9th percentile, a GiB written, a GiB held."""
    made = trial(
        access_ms=0,
        first_touch_us={"p50": 1.0, "p99": 2.0, "p999": 3000.0, "max": 9000.0},
        bytes_written_back=1 << 29,
        memory_bytes_after_access=2 << 30,
    )
    assert cost_s(made, weights) == pytest.approx(seconds)


def test_weights_are_read_and_said() -> None:
    """As on the command line."""
    assert Weights.parse("startup=0.5, tail=2") == Weights(startup=0.5, tail=2)
    assert Weights.parse("") == Weights()
    assert Weights.parse(str(Weights(memory=3))) == Weights(memory=3)


@pytest.mark.parametrize(
    "text",
    ["speed=1", "tail", "tail=much", "tail=-1", "tail=inf", "tail=nan", "tail=1e308", "tail=1.1e9"],
)
def test_nonsense_is_refused_in_a_sentence(text: str) -> None:
    """With the names that there are."""
    with pytest.raises(ValueError, match=r"weight|number"):
        Weights.parse(text)


def test_the_largest_weight_is_told() -> None:
    """It is allowed itself, and far from where a cost would overflow."""
    assert Weights(written=1e9).written == 1e9
    with pytest.raises(
        ValueError, match=r"from 0 to 1,000,000,000, not 1e\+308 as that of written"
    ):
        Weights(written=1e308)


def test_sync_and_reading_again_are_work() -> None:
    """Whatever the weights."""
    none = Weights(startup=0)
    assert cost_s(trial(sync_ms=1000), none) == cost_s(trial(refault_ms=1000), none) == 1.0

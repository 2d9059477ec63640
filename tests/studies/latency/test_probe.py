"""prefault_kit.studies.latency.probe: what can be probed, and how much memory that takes."""

import math
import resource

import pytest

from prefault_kit import Backing
from prefault_kit.host import rlimits
from prefault_kit.studies.latency import Probe, probe
from prefault_kit.studies.latency.preparations import LOCKING


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"backing": Backing.tmpfs("/")}, "memory is one of anon, memfd, file"),
        ({"event": "rain"}, "event is one of"),
        ({"event": "sync"}, "choose file"),
        ({"backing": Backing.file("."), "event": "collapse"}, "choose anon"),
        ({"seconds": 0}, "1 to 3600 seconds"),
        ({"seconds": math.nan}, "1 to 3600 seconds"),
        ({"period_us": 10}, "at least 100"),
    ],
)
def test_what_makes_no_sense_is_refused(words: dict[str, object], message: str) -> None:
    """In one sentence."""
    with pytest.raises(ValueError, match=message):
        Probe(**({"backing": Backing.anon()} | words))  # type: ignore[arg-type]


def test_who_may_not_lock_can_probe_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preparations that lock are refused, with the limit and what would help."""
    monkeypatch.setattr(rlimits, "memlock_bytes", lambda: 1 << 16)
    real = resource.getrlimit
    small = {resource.RLIMIT_MEMLOCK: (1 << 16, 1 << 16)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: small.get(kind) or real(kind))
    refused = Probe(Backing.anon(), seconds=1).refused()
    assert set(refused) == set(LOCKING)
    assert set(LOCKING) == {"MLOCK", "MLOCK_ONFAULT", "MLOCK_ONFAULT+POPULATE_WRITE"}
    assert all("RLIMIT_MEMLOCK" in why and "prlimit" in why for why in refused.values())


@pytest.mark.parametrize(
    ("page_bytes", "huge_bytes"),
    [(4 << 10, 2 << 20), (16 << 10, 32 << 20), (64 << 10, 512 << 20), (4 << 10, None)],
)
def test_mappings_are_as_large_as_they_must_be(
    monkeypatch: pytest.MonkeyPatch, page_bytes: int, huge_bytes: int | None
) -> None:
    """A page a touch; whole huge pages only where they are to be collapsed."""
    monkeypatch.setattr(probe, "PAGE_SIZE_BYTES", page_bytes)
    monkeypatch.setattr(probe.thp, "size_bytes", lambda: huge_bytes)
    backing = Backing.anon()
    for event in ("nothing", "fork", "reclaim"):
        assert Probe(backing, seconds=2, event=event).size_bytes == 500 * page_bytes
    collapsed = Probe(backing, seconds=2, event="collapse").size_bytes
    assert collapsed >= 500 * page_bytes
    assert collapsed % (huge_bytes or page_bytes) == 0
    assert collapsed - 500 * page_bytes < (huge_bytes or page_bytes)


@pytest.mark.parametrize("seconds", [1, 1.1, 2, 60, 3600])
def test_the_event_is_between_two_slots(seconds: float) -> None:
    """About halfway; a slot is before the event or after it."""
    made = Probe(Backing.anon(), seconds=seconds)
    assert made.touches_before % made.slot_touches == 0
    assert 0 <= made.touches / 2 - made.touches_before <= made.slot_touches
    assert made.event_s == made.touches_before * 0.004

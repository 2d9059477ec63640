"""prefault_kit.studies.latency.watch: what can be watched, and what it takes."""

import math
import resource

import pytest

from prefault_kit import Backing
from prefault_kit.host import rlimits, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies import latency

LOCKED = {"MLOCK", "MLOCK_ONFAULT", "MLOCK_ONFAULT+POPULATE_WRITE"}


@pytest.mark.parametrize(
    ("words", "said"),
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
def test_what_makes_no_sense_is_refused(words: dict[str, object], said: str) -> None:
    """In one sentence."""
    with pytest.raises(ValueError, match=said):
        latency.Watch(**({"backing": Backing.anon()} | words))  # type: ignore[arg-type]


def test_who_may_not_lock_sees_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit and what would help."""
    monkeypatch.setattr(rlimits, "memlock_bytes", lambda: 1 << 16)
    real = resource.getrlimit
    small = {resource.RLIMIT_MEMLOCK: (1 << 16, 1 << 16)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: small.get(kind) or real(kind))
    refused = latency.Watch(Backing.anon(), seconds=1).refused()
    assert set(refused) == LOCKED
    assert all("RLIMIT_MEMLOCK" in why and "prlimit" in why for why in refused.values())


def test_mappings_are_whole_huge_pages() -> None:
    """So that they can be collapsed; a page a beat fits."""
    watch = latency.Watch(Backing.anon(), seconds=10)
    assert watch.size_bytes >= watch.beats * PAGE
    assert watch.size_bytes % (thp.size_bytes() or PAGE) == 0

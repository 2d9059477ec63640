"""prefault_kit.studies.promises.faulting and residency: they hold, and can fail."""

from dataclasses import replace

import pytest

from prefault_kit.kernel import timed
from prefault_kit.kernel.smaps import Usage
from prefault_kit.kernel.timed import Work
from prefault_kit.memory import mapping
from prefault_kit.studies.promises import PROMISES


def test_a_fault_too_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kit that miscounted faults by one would not pass."""
    real = timed.range_timed

    def miscounted(*words: object, **options: object) -> Work:
        work = real(*words, **options)  # type: ignore[arg-type]
        return replace(work, minor_faults=work.minor_faults + 1)

    monkeypatch.setattr(timed, "range_timed", miscounted)
    assert PROMISES["fault-first-touch"].judge("private anon", ".").verdict == "differs"


def test_rss_of_the_zero_page_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kit that counted the zero page as resident would not pass."""
    monkeypatch.setattr(mapping.smaps, "usage", lambda *where: Usage(rss=1 << 21))
    assert PROMISES["resident-zero-page"].judge("private anon", ".").verdict == "differs"

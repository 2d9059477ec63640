"""docs.extension.tables: the page of a kernel, and the word for a verdict."""

from __future__ import annotations

from docs.extension.tables import address, mark
from prefault_kit.studies.kernels.recorded import find, of_the_kit


def test_a_kernel_keeps_its_page() -> None:
    """It is that of the series, of whatever is recorded of it, and of the processor."""
    records = of_the_kit()
    assert address(find(records, "6.1")) == "kernels/6.1"
    assert address(find(records, "6.12-16k")) == "kernels/6.12-16k-aarch64"


def test_a_verdict_has_its_class() -> None:
    """Which is one word."""
    assert mark("not testable", "-") == "[-]{.not-testable}"

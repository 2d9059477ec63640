"""docs.extension.kernels: the truth table and the page of a kernel."""

from __future__ import annotations

from docs.extension import kernels
from prefault_kit.studies.kernels.recorded import of_the_kit
from prefault_kit.studies.promises import PROMISES

PAGES = kernels.pages()


def test_every_recorded_kernel_has_a_page() -> None:
    """All are in the tree, none shares its address with another."""
    made = [name for name in PAGES if not name.partition("/")[2].startswith("_")]
    assert len(made) == len(of_the_kit())
    assert all(f"</{name.removesuffix('.md')}>" in PAGES["kernels/_tree.md"] for name in made)


def test_the_table_leads_to_promises_and_kernels() -> None:
    """A row for each promise, a column for each kernel."""
    text = PAGES["kernels/_truth.md"]
    assert all(f"| [{name}](/promises/{name}.md) |" in text for name in PROMISES)
    assert "[6.12.117-16k aarch64 16 KiB](/kernels/6.12-16k-aarch64.md)" in text
    assert "[yes]{.holds}" in text


def test_exceptions_lead_to_what_shows_them() -> None:
    """In the table of what one may rely on."""
    text = PAGES["kernels/_reliances.md"]
    assert "retried forever before Linux 6.9 and 6.6.30" in text
    assert "([error-io](/promises/error-io.md))" in text


def test_a_page_says_what_is_otherwise_and_why() -> None:
    """Promises with one reason stand together; the rest holds."""
    page = PAGES["kernels/6.1.md"]
    assert "[permission-own-process](/promises/permission-own-process.md)" in page
    assert "before Linux 6.13" in page
    assert "error-efault" not in page
    assert "older than Linux 5.14" in PAGES["kernels/5.10.md"]


def test_a_processor_is_found_by_its_other_name() -> None:
    """Who searches for arm64 finds what is recorded of aarch64."""
    made = kernels.pages()
    arm = [made[name] for name in made if name.endswith("aarch64.md")]
    assert len(arm) == 2
    assert all("arm64" in page.partition("## Otherwise")[0] for page in arm)

"""docs.extension.promises: what the page of a promise says."""

from __future__ import annotations

import pytest

from docs.extension import promises
from prefault_kit.studies.promises import PROMISES


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """All of them."""
    return promises.pages()


def test_each_has_a_page_and_is_in_the_list(pages: dict[str, str]) -> None:
    """By its id, under the subject of its module."""
    for name in PROMISES:
        assert f"promises/{name}.md" in pages
        assert f"- [{name}]({name}.md): " in pages["promises/_list.md"]
    told = "## [A page that cannot be read from its file](io-errors.md)"
    assert told in pages["promises/_list.md"]


def test_each_group_has_a_page(pages: dict[str, str]) -> None:
    """Its claims, where they come from, what kernels answered; its promises are in its tree."""
    page = pages["promises/reading.md"]
    assert page.startswith("# What READ does\n")
    assert "Cover letter, section IV, points 1 and 2." in page
    assert "- [read-zero-page](read-zero-page.md): READ acts like a read" in page
    assert "| [read-zero-page](/promises/read-zero-page.md) | [-]{.not-testable} |" in page
    assert "read-zero-page <read-zero-page>" in page
    assert "write-breaks-cow" not in page
    tree = pages["promises/_list.md"].partition("{toctree}")[2]
    assert "\nreading\n" in tree
    assert "[What READ does](reading.md): `read-zero-page`" in pages["promises/read-zero-page.md"]


def test_a_claim_is_the_title(pages: dict[str, str]) -> None:
    """It begins with a capital, but for a word of the kernel."""
    assert "# A fork leaves the populated pages" in pages["promises/fork-leaves-shared.md"]
    assert "# mlock populates: when it returns" in pages["promises/lock-populates.md"]


def test_a_refuted_claim_is_no_title(pages: dict[str, str]) -> None:
    """What the newest kernel refutes says so before the claim, in its title and in the list."""
    hole = pages["promises/error-2021-hole.md"]
    assert "# 2021, no longer true: a hole in the range is ENOMEM" in hole
    assert "the last on which it held is 6.1.176" in hole
    assert "# No longer true: memory that the kernel maps" in pages["promises/permission-vvar.md"]
    told = pages["promises/_list.md"]
    assert "(error-2021-sigbus.md): 2021, no longer true: populating where" in told
    refuted = {name for name in PROMISES if "o longer true: " in pages[f"promises/{name}.md"]}
    assert {name for name in PROMISES if "-2021-" in name} == refuted - {"permission-vvar"}


def test_an_exception_stands_before_the_answer(pages: dict[str, str]) -> None:
    """With links to what shows it; a hole's belongs to the prefix, and not to fork."""
    before, _, after = pages["promises/error-efault.md"].partition("**From when**")
    assert "retried forever before Linux 6.9 and 6.6.30" in before
    for name in ("error-io", "permission-none", "error-ehwpoison"):
        assert f"[{name}](/promises/{name}.md)" in before
    assert after
    hole = "[error-2021-hole](/promises/error-2021-hole.md)"
    assert hole in pages["promises/prefix-end-of-file.md"]
    assert hole not in pages["promises/fork-protects-private.md"]


def test_a_page_says_since_when_and_what_to_do_before(pages: dict[str, str]) -> None:
    """From the recorded kernels, and from what is known to help."""
    page = pages["promises/error-efault.md"]
    assert "that has the advice, which came with Linux 5.14; the oldest of them is 6.1.176" in page
    assert ": fallocate, which says ENOSPC, and then touch with a handler for SIGBUS." in page


def test_help_is_that_of_the_promise(pages: dict[str, str]) -> None:
    """A handler for SIGBUS makes up for no page that a fork protected."""
    for name in ("fork-protects-private", "dirty-write", "error-2021-sigbus"):
        assert "What to do where it does not" not in pages[f"promises/{name}.md"]


def test_what_could_not_be_seen_is_not_what_did_not_hold(pages: dict[str, str]) -> None:
    """6.1 has no cachestat; its read errors are known to differ."""
    page = pages["promises/dirty-write.md"]
    assert ": shown from Linux 6.12.117, " in page
    assert "; not observable on 6.1.176: cachestat answers ENOSYS" in page
    io = pages["promises/error-io.md"]
    assert ": Linux 6.12.117, of the recorded kernels for x86-64. On 6.1.176: before" in io


def test_what_holds_everywhere_needs_no_help(pages: dict[str, str]) -> None:
    """A promise of mmap is as old as mmap."""
    page = pages["promises/map-populate-hides-errors.md"]
    assert ": every one of the recorded kernels for x86-64, from Linux 5.10" in page
    assert "What to do where it does not" not in page


def test_what_no_longer_holds_says_so(pages: dict[str, str]) -> None:
    """The text of 2021 was overtaken by the release."""
    page = pages["promises/error-2021-sigbus.md"]
    assert ": none of the recorded kernels" in page
    assert "[otherwise]{.explained}" in page


def test_every_recorded_kernel_has_its_verdict(pages: dict[str, str]) -> None:
    """With its page, and the reason where it does not hold."""
    page = pages["promises/permission-vvar.md"]
    assert "| [6.1.176](/kernels/6.1.md) | [holds]{.holds} |  |" in page
    assert "| [7.3.4](/kernels/7.3.md) | [otherwise]{.explained} | since Linux 7.3" in page


def test_the_code_is_shown_in_python_and_in_c(pages: dict[str, str]) -> None:
    """In C where there is a program."""
    page = pages["promises/prefix-end-of-file.md"]
    assert '```python\n@promise(\n    "prefix-end-of-file"' in page
    assert "```c\n" in page
    assert "--as-c" in page
    assert "```c\n" not in pages["promises/fault-lock.md"]


def test_a_page_names_the_lessons_that_check_it(pages: dict[str, str]) -> None:
    """By their pages."""
    assert "- [](/lessons/read-and-write.ipynb)" in pages["promises/read-zero-page.md"]

"""prefault_kit.show.result: a result in figures and in sentences."""

from dataclasses import replace

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.result import Result
from prefault_kit.show.result import SHARE_NAMES, describe, phases, shares_bytes
from tests.show import made
from tests.show.made import SIZE, result


def anonymous(**known: object) -> Result:
    """A result of 512 private anonymous pages that were written."""
    usage = {"private_dirty": SIZE, "anonymous": SIZE}
    words = {"backing": "anon", "sharing": "private", "usage": usage, "median_ms": 1.5}
    return made.result(**(words | known))


def test_a_good_run_in_words() -> None:
    """Time, resident memory, faults: each with its number."""
    text = describe(anonymous())
    assert "best 1.00 ms, median 1.50 ms of 3" in text
    assert "All 512 pages are present" in text
    assert "anonymous" in text
    assert "512 minor and 0 major faults" in text


@pytest.mark.parametrize(
    ("present", "zero", "sentence"),
    [
        (512, 512, "every one the shared zero page: no memory is used yet."),
        (0, 0, "None of the 512 pages is present."),
        (7, 0, "7 of 512 pages are present"),
    ],
)
def test_residency_in_words(present: int, zero: int, sentence: str) -> None:
    """The zero page uses no memory; no page present is said plainly."""
    pages = {"present": present, "zero": zero, "huge": 0, "swapped": 0}
    assert sentence in describe(anonymous(pages=pages))


def test_a_failed_run_names_errno_and_prefix() -> None:
    """The errno is the lesson."""
    text = describe(
        anonymous(outcome="error", errno="EFAULT", message="no space", populated_bytes=PAGE)
    )
    assert "failed with EFAULT after" in text
    assert text.endswith("No space.")


def test_an_unavailable_run_gives_the_reason() -> None:
    """Nothing ran, and the reason is a sentence."""
    text = describe(anonymous(outcome="unavailable", message="no huge pages are free"))
    assert "not possible here. No huge pages are free." in text


@pytest.mark.parametrize(
    ("taken", "dirty", "sentence"),
    [
        (0, None, "took no further fault."),
        (1, None, "took 1 more fault."),
        (512, None, "took 512 more faults."),
        (512, (0, 512, 0), "dirty pages of the file after the method, that write and a sync: "
         "0, 512, 0."),
    ],
)  # fmt: skip
def test_what_a_later_write_costs(
    taken: int, dirty: tuple[int, int, int] | None, sentence: str
) -> None:
    """The follow-up's faults and dirty pages are told."""
    phases = [
        {"phase": name, "minor_faults": taken, "dirty": dirty and dirty[index]}
        for index, name in enumerate(("method", "write", "sync"))
    ]
    assert sentence in describe(anonymous(phases=phases))


@pytest.mark.parametrize(
    ("usage", "zero", "shares"),
    [
        ({}, 512, {"zero": SIZE}),
        ({"private_dirty": SIZE, "anonymous": SIZE}, 0, {"anonymous": SIZE}),
        ({"private_dirty": SIZE, "anonymous": SIZE, "anon_huge": SIZE}, 0, {"huge": SIZE}),
        ({"private_dirty": SIZE, "anonymous": SIZE, "anon_huge": SIZE // 2}, 0,
         {"huge": SIZE // 2, "anonymous": SIZE // 2}),
        ({"private_clean": SIZE}, 0, {"clean": SIZE}),
        ({"shared_dirty": PAGE, "private_clean": SIZE - PAGE}, 0,
         {"dirty": PAGE, "clean": SIZE - PAGE}),
        ({"shared_hugetlb": SIZE}, 0, {"huge": SIZE}),
        ({"private_hugetlb": SIZE}, 0, {"huge": SIZE}),
        ({"private_dirty": PAGE, "anonymous": PAGE, "private_clean": SIZE - PAGE}, 0,
         {"anonymous": PAGE, "clean": SIZE - PAGE}),
        ({"anonymous": SIZE, "private_clean": SIZE}, 0, {"anonymous": SIZE}),
        ({"private_dirty": None, "anon_huge": None}, 0, {}),
    ],
)  # fmt: skip
def test_every_resident_byte_is_in_one_share(
    usage: dict[str, int | None], zero: int, shares: dict[str, int]
) -> None:
    """The split adds up to what is resident; a figure that the kernel lacks counts as nothing.

    Large folios below PMD size are not in AnonHugePages: they count as anonymous.
    """
    pages = {"present": 512, "zero": zero, "huge": 0, "swapped": 0}
    split = shares_bytes(result(usage=usage, pages=pages))
    assert {name: size for name, size in split.items() if size} == shares
    assert tuple(split) == tuple(SHARE_NAMES)


@pytest.mark.parametrize("page_bytes", [4 << 10, 16 << 10, 64 << 10])
def test_pages_are_those_of_the_host_that_measured(page_bytes: int) -> None:
    """A result of a host with larger pages is not counted in those of this host."""
    pages = {"present": 8, "zero": 8, "huge": 0, "swapped": 0}
    other = anonymous(
        size_bytes=8 * page_bytes, pages=pages, usage={}, host={"page_size_bytes": page_bytes}
    )
    assert shares_bytes(other)["zero"] == 8 * page_bytes
    assert "All 8 pages are present, every one the shared zero page" in describe(other)


def test_a_published_figure_is_beside_the_time() -> None:
    """Private anonymous memory of 4 KiB pages, 2 MiB, POPULATE_READ: 0.060 ms in 2021."""
    words = {"page_size_bytes": 4096, "method": "POPULATE_READ"}
    assert "(published in 2021: 0.060 ms)" in describe(anonymous(size_bytes=2 << 20, **words))
    assert "published" not in describe(anonymous(size_bytes=3 << 20, **words))


def test_phases_without_a_follow_up_are_the_method_alone() -> None:
    """There is something to draw after every run that succeeded, and nothing after others."""
    file = {"cached": 512, "dirty": 3, "writeback": 0, "allocated_bytes": 0}
    plain = result(file=file, faults={"minor": 32, "major": 0})
    assert phases(plain) == [{"phase": "method", **file, "minor_faults": 32}]
    assert phases(replace(plain, outcome="error")) == []
    followed = replace(plain, phases=[{"phase": "method"}, {"phase": "write"}])
    assert phases(followed) == followed.phases

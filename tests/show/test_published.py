"""prefault_kit.show.published: tables about the published timings."""

from prefault_kit.show import published, tables
from prefault_kit.studies.grid import conclusions, warm_cache
from prefault_kit.studies.grid.conclusions import CLAIMS, SMALL
from prefault_kit.studies.grid.saving import Saving
from prefault_kit.studies.grid.warm_cache import Fit
from tests.studies.grid.made import result

ANON = ("private", "anon", SMALL)
SIZE = 2 << 20


def test_a_saving_in_whole_nanoseconds() -> None:
    """A loss is negative."""
    text = repr(published.savings([Saving(ANON, "Write", "recorded", 100.4, 212.3)]))
    assert text.splitlines()[-1] == "| private anon | Write | recorded | 100 | 212 | -112 |"


def test_a_column_for_each_size() -> None:
    """Ratios of two sizes stand side by side; what one lacks is empty."""
    ratios = {SIZE: {("memfd", "Read"): 0.1, ("file", "Read"): 0.2}, 4 << 30: {("file", "Read"): 1}}
    assert repr(published.private_over_shared(ratios)).splitlines() == [
        "| file | method | private over shared, 2 MiB | private over shared, 4 GiB |",
        "|-|-|-|-|",
        "| memfd | Read | 0.10 |  |",
        "| file | Read | 0.20 | 1.00 |",
    ]


def test_a_fit_says_its_state() -> None:
    """The published figure, both states and the one that it fits."""
    fit = Fit(("private", "memfd", SMALL), "Read", SIZE, published=0.15, empty=2.0, cached=0.2)
    assert repr(published.fits([fit])).splitlines()[-1] == (
        "| private memfd | Read | 2 MiB | 0.15 | 2.00 | 0.20 | cached |"
    )
    assert set(warm_cache.private_over_shared(SIZE)) == {
        (kind, method)
        for kind in ("memfd", "tmpfs", "file")
        for method in ("Read", "POPULATE_READ")
    }


def test_another_page_size_is_said_in_a_sentence() -> None:
    """On 16 KiB pages the ratio is shown, and that the published table has other pages."""
    for page, said in ((4096, False), (16384, True)):
        rows = [
            result("POPULATE_READ", timings_ms=[1.0, 1.1], page_size_bytes=page),
            result("Read", timings_ms=[2.0, 2.1], page_size_bytes=page),
        ]
        text = repr(tables.judgement(conclusions.judge(CLAIMS[0], [SIZE], {"here": rows})))
        assert "| private anon | 0.50 agrees | 0.51 (0.50 to 0.52) agrees |" in text
        sentence = "The published table is of 4 KiB pages and *here* of 16 KiB pages"
        assert (sentence in text) is said

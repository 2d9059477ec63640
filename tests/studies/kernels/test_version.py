"""prefault_kit.studies.kernels.version: what comes before what."""

from prefault_kit.studies.kernels.version import order, series


def test_versions_are_ordered_as_they_came() -> None:
    """By number, and a candidate before its release, of which a fourth number may be the last."""
    versions = ["5.10.223", "6.1.176", "6.2", "6.12", "6.12.1", "7.3-rc7", "7.3-rc10", "7.3"]
    assert sorted(set(versions), key=order) == versions
    assert order("7.3.4") > order("7.3-rc7")
    assert order("7.3-rcx") == order("7.3")


def test_a_series_is_its_first_two_numbers() -> None:
    """Of a candidate too."""
    assert [series(each) for each in ("6.12.117", "7.3-rc7", "7.3")] == ["6.12", "7.3", "7.3"]

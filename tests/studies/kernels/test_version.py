"""prefault_kit.studies.kernels.version: what comes before what."""

from prefault_kit.studies.kernels.version import RELEASED, flavoured, order, series


def test_versions_are_ordered_as_they_came() -> None:
    """By number, and a candidate before its release, of which a fourth number may be the last."""
    versions = ["5.10.223", "6.1.176", "6.2", "6.12", "6.12.1", "7.3-rc7", "7.3-rc10", "7.3"]
    assert sorted(set(versions), key=order) == versions
    assert order("7.3.4") > order("7.3-rc7")
    assert order("6.12.1") < order("6.12.1-rt") < order("6.12.2")
    assert order("own") == (0, 0, 0, RELEASED, "")


def test_a_series_is_its_first_two_numbers() -> None:
    """Of a candidate too; another flavour is another series."""
    assert [series(each) for each in ("6.12.117", "7.3-rc7", "7.3")] == ["6.12", "7.3", "7.3"]
    for flavour in ("rt", "16k"):
        assert series(flavoured("6.12.117", flavour)) == f"6.12-{flavour}"
        assert series(flavoured("7.3-rc7", flavour)) == f"7.3-{flavour}"
    assert flavoured("6.12.117", "") == "6.12.117"


def test_a_local_version_is_no_flavour() -> None:
    """One's own kernel is of the series that it was made from."""
    for local in ("6.12.0-rc1-00012-gabc", "6.12.0-dirty", "6.12.3-1-cloud-amd64"):
        assert series(local) == "6.12"

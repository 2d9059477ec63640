"""data/: its README says what is there, and names modules and files that exist."""

import importlib
import re
from pathlib import Path

from prefault_kit.studies import comparison, fleet
from prefault_kit.studies.fleet import collected

ROOT = Path(__file__).parents[1]
README = (ROOT / "data" / "README.md").read_text()


def test_every_run_is_described() -> None:
    """Each recorded run is named, or is one of a pattern that is."""
    for path in (ROOT / "data" / "runs").iterdir():
        name = path.name.removesuffix(".host.json").removesuffix(".csv")
        many = {"latency": "latency-MEMORY-EVENT-HOST.npz", "try": "try-PROGRAM-HOST.json"}
        pattern = many.get(name.partition("-")[0], name)
        assert f"`{pattern}`" in README, name


def test_what_it_names_is_there() -> None:
    """Files of the kit, and what it says made or reads the data."""
    for name in re.findall(r"`(prefault_kit/[\w/.]+)`", README):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`(prefault_kit\.[\w.]+)`", README):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_a_host_that_was_killed_lost_nothing() -> None:
    """Of the recorded fleet: three kernels, of which one died and went on behind its last row."""
    killed, resumed = (fleet.read(ROOT / "data" / "fleet" / each) for each in ("killed", "resumed"))
    assert len({host.facts["kernel"] for host in resumed.hosts}) == 3
    assert {host.state for host in resumed.hosts} == {collected.DONE}
    (died,) = [host for host in killed.hosts if host.state != collected.DONE]
    assert died.state == collected.LEFT
    before, after = (
        comparison.read(ROOT / "data" / "fleet" / each / f"{died.name}.json")
        for each in ("killed", "resumed")
    )
    assert 0 < before.size == died.count < after.size
    assert after.answers[: before.size] == before.answers


def test_no_recorded_host_has_a_name() -> None:
    """And what the ones have that were done was left alone."""
    place = ROOT / "data" / "fleet"
    for host in fleet.read(place / "killed").hosts:
        assert host.hostname is None
        if host.state == collected.DONE:
            name = f"{host.name}.json"
            assert (place / "killed" / name).read_text() == (place / "resumed" / name).read_text()

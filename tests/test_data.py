"""data/: its README says what is there, and names modules and files that exist."""

import importlib
import re
from pathlib import Path

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

"""Which kernels can be had and which are here, and a guest for one of them."""

from __future__ import annotations

from pathlib import Path

from prefault_kit.studies.kernels import debian
from prefault_kit.studies.kernels.architecture import Architecture
from prefault_kit.studies.kernels.cache import Cache
from prefault_kit.studies.kernels.debian import Apt, Package, PackagesError
from prefault_kit.studies.kernels.guest import Guest
from prefault_kit.studies.kernels.version import order, series

ROOM_BYTES = 512 << 20
"""For one kernel, packed and unpacked."""


def offered(cache: Cache, architecture: Architecture) -> list[Package]:
    """The newest kernel of each series that the suites have, from old to new."""
    newest = {each.series: each for each in _listed(cache, architecture)}
    return list(newest.values())


def _listed(cache: Cache, architecture: Architecture) -> list[Package]:
    """All kernels that the suites have, from old to new.

    A mirror need not have every suite for every processor; PackagesError if it has none.
    """
    found: list[Package] = []
    failed: PackagesError | None = None
    for suite in debian.SUITES:
        apt = Apt(cache.place / "apt", suite, architecture.debian)
        try:
            apt.update()
        except PackagesError as error:
            failed = error
            continue
        found += apt.kernels(architecture.kernels)
    if failed and not found:
        raise failed
    return sorted(found, key=lambda each: each.order)


def usual(cache: Cache, architecture: Architecture) -> list[str]:
    """Every series that can be had, in its usual flavour."""
    return [each.series for each in offered(cache, architecture) if "-" not in each.series]


def here(cache: Cache, architecture: Architecture) -> dict[str, Path]:
    """The kernels in the cache, by version."""
    prefix = _name(architecture, "")
    return {
        path.name.removeprefix(prefix): path
        for path in sorted(cache.place.glob(f"{prefix}*"))
        if ".part-" not in path.name
    }


def fetched(cache: Cache, architecture: Architecture, wanted: str) -> tuple[str, Guest]:
    """A kernel by its version, or the newest of a series, with its version; fetched if it is not
    in the cache. ValueError names the nearest ones where there is none."""
    known = here(cache, architecture)
    fitting = [version for version in known if wanted in (version, series(version))]
    if fitting:
        version = max(fitting, key=order)
        return version, _guest(known[version], architecture)
    failed: PackagesError | None = None
    there = _listed(cache, architecture)
    for package in reversed(there):
        if wanted in (package.series, package.version):
            try:
                return package.version, _fetch(cache, architecture, package)
            except PackagesError as error:  # a mirror may list what it has not
                failed = failed or error
    if failed:
        raise failed
    series_there = sorted({each.series for each in there}, key=order)
    near = sorted(series_there, key=lambda each: _distance(each, wanted))[:2]
    names = " and ".join(sorted(near, key=order))
    raise ValueError(
        f"no kernel {wanted} is available for {architecture.name}; the nearest are {names}"
    )


def _fetch(cache: Cache, architecture: Architecture, package: Package) -> Guest:
    cache.room_for(ROOM_BYTES, f"kernel {package.version}")
    apt = Apt(cache.place / "apt", package.suite, architecture.debian)
    name = _name(architecture, package.version)
    with cache.making(name) as part:
        debian.unpack(apt.download_kernel(package.name), part, lambda: None)
        _image(part)
    apt.drop_packages()
    return _guest(cache.place / name, architecture)


def _name(architecture: Architecture, version: str) -> str:
    return f"linux-{architecture.name}-{version}"


def _guest(place: Path, architecture: Architecture) -> Guest:
    return Guest(_image(place), place, architecture)


def _image(place: Path) -> Path:
    """A kernel's image in its unpacked package: in /boot, or since 2026 beside its modules."""
    found = [path for path in sorted(place.rglob("vmlinu[xz]*")) if path.is_file()]
    if not found:
        raise ValueError(f"there is no kernel in {place.name}: prefault-kit kernels clean")
    return found[0]


def _distance(known: str, wanted: str) -> tuple[int, bool]:
    (major, minor, _, _, flavour), other = order(known), order(wanted)
    return abs((major - other[0]) * 1000 + minor - other[1]), flavour != other[-1]

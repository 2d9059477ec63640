"""Which kernels can be had and which are here, and a guest for one of them."""

from __future__ import annotations

from pathlib import Path

from prefault_kit.studies.kernels import debian
from prefault_kit.studies.kernels.cache import Cache
from prefault_kit.studies.kernels.debian import Apt, Package
from prefault_kit.studies.kernels.guest import Guest
from prefault_kit.studies.kernels.version import order, series

PACKAGE = r"linux-image-\d.*-cloud-amd64"
"""Kernels for virtual machines: small, with virtio."""
ROOM_BYTES = 512 << 20
"""For one kernel, packed and unpacked."""
PREFIX = "linux-"


def offered(cache: Cache) -> list[Package]:
    """The newest kernel of each series that the suites have, from old to new."""
    found: dict[str, Package] = {}
    for suite in debian.SUITES:
        apt = Apt(cache.place / "apt", suite)
        apt.update()
        for each in apt.kernels(PACKAGE):
            before = found.get(each.series)
            if before is None or before.order < each.order:
                found[each.series] = each
    return sorted(found.values(), key=lambda each: each.order)


def here(cache: Cache) -> dict[str, Path]:
    """The kernels in the cache, by version."""
    return {
        path.name.removeprefix(PREFIX): path
        for path in sorted(cache.place.glob(f"{PREFIX}*"))
        if ".part-" not in path.name
    }


def fetched(cache: Cache, wanted: str) -> tuple[str, Guest]:
    """A kernel by its version, or the newest of a series, with its version; fetched if it is not
    in the cache. ValueError names the nearest ones where there is none."""
    known = here(cache)
    fitting = [version for version in known if wanted in (version, series(version))]
    if fitting:
        version = max(fitting, key=order)
        return version, _guest(known[version])
    there = offered(cache)
    package = next((each for each in there if wanted in (each.series, each.version)), None)
    if package is None:
        near = sorted(there, key=lambda each: _distance(each.series, wanted))[:2]
        names = " and ".join(each.series for each in sorted(near, key=lambda each: each.order))
        raise ValueError(f"there is no kernel {wanted} to be had; the nearest are {names}")
    cache.room_for(ROOM_BYTES, f"kernel {package.version}")
    apt = Apt(cache.place / "apt", package.suite)
    with cache.making(f"{PREFIX}{package.version}") as part:
        debian.unpack(apt.download_kernel(package.name), part, lambda: None)
        _image(part)
    apt.drop_packages()
    return package.version, _guest(cache.place / f"{PREFIX}{package.version}")


def _guest(place: Path) -> Guest:
    return Guest(_image(place), place)


def _image(place: Path) -> Path:
    """A kernel's image in its unpacked package: in /boot, or since 2026 beside its modules."""
    found = sorted(place.rglob("vmlinuz*"))
    if not found:
        raise ValueError(f"there is no kernel in {place.name}: prefault-kit kernels clean")
    return found[0]


def _distance(known: str, wanted: str) -> int:
    (major, minor), other = order(known)[:2], order(wanted)[:2]
    return abs((major - other[0]) * 1000 + minor - other[1])

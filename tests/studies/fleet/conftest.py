"""A scheduler with one worker, all of this process: quick, and of no host but this one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import dask
import pytest
from distributed import LocalCluster

from prefault_kit.studies.fleet import cluster
from prefault_kit.studies.fleet.cluster import Cluster


@pytest.fixture(scope="module")  # its threads open and close descriptors, which others count
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    place = str(tmp_path_factory.mktemp("dask"))
    with (
        warnings.catch_warnings(),
        dask.config.set({"temporary-directory": place}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address=None,
            local_directory=place,
        ) as running,
    ):
        yield running.scheduler_address


@pytest.fixture
def reached(here: str) -> Iterator[Cluster]:
    """It, with a fleet of its own."""
    with cluster.connected(here) as found:
        yield found

"""A fleet for a try-out: workers of this machine that pretend to be hosts, and take turns."""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
from collections.abc import Iterator

from prefault_kit.host.identity import LABEL

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def scheduler(hosts: int) -> Iterator[str]:
    """Start a scheduler and as many workers, on loopback alone; yields its address."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    own = {
        "nthreads": 1,
        "host": LOOPBACK,
        "dashboard": False,
        "memory_limit": 0,
        "silence_logs": logging.CRITICAL,
        "preload": [__name__],
        "config": {"distributed.worker.profile.enabled": False},
    }
    listening = {"host": LOOPBACK, "port": 0, "dashboard": False, "dashboard_address": ":0"}
    with contextlib.ExitStack() as stack:
        with (
            tempfile.TemporaryDirectory(prefix="prefault-fleet-") as place,
            dask.config.set({"temporary-directory": place}),
        ):
            workers = {
                f"host-{number}": {
                    "cls": Nanny,
                    "options": own | {"local_directory": place, "env": {LABEL: str(number)}},
                }
                for number in range(1, hosts + 1)
            }
            cluster = SpecCluster(
                workers=workers,
                scheduler={"cls": Scheduler, "options": listening},
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
        # no worker needs its directory any more, and so none is left if all is killed
        yield cluster.scheduler_address


def dask_setup(_: object) -> None:
    """In each worker, as Dask starts it: a Ctrl-C at the terminal is for the fleet to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""The door to Dask: a scheduler's workers, what each is, and work that is given to one of them."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, cast

import dask
from distributed import Client, Future, Lock

from prefault_kit.host.identity import Identity, identity
from prefault_kit.measure import plain, saved
from prefault_kit.measure.worker import Event, Task
from prefault_kit.studies.fleet import host

CONNECT_S = 5
LEASE_S = 15
"""A fleet that was killed holds its scheduler so long, and up to 10 s until that looks."""
KIT = "prefault-kit"
NAME = f"{KIT} fleet"
MOST_LETTERS = 1 << 20
"""Of what a worker says at once."""


class NoSchedulerError(Exception):
    """The scheduler cannot be reached, any more or at all, or has another fleet: a sentence."""


@dataclass(frozen=True)
class Unfit:
    """A worker that cannot be asked, and why: part of a sentence."""

    place: str
    """The same of all workers of a machine."""
    why: str


@dataclass(frozen=True)
class Attempt:
    """Work that was given to a worker."""

    key: str
    address: str
    future: Future

    @property
    def is_lost(self) -> bool:
        """Whether Dask has ended it."""
        return self.future.status in ("error", "lost", "cancelled", "finished")


class Cluster:
    """A scheduler that this fleet has for itself, as fleets go. Make one by :func:`connected`."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._topic = f"{NAME} {secrets.token_hex(8)}"
        self._said: queue.SimpleQueue[tuple[float, object]] = queue.SimpleQueue()
        self._workers: dict[str, str] = {}
        client.subscribe_topic(self._topic, self._said.put)

    def workers(self) -> dict[str, str]:
        """The address of each worker, and that of its machine; as they were last known where the
        scheduler takes long to answer."""
        client = self._client
        with self._reaching():
            if client.status not in ("running", "connecting"):
                raise OSError("it has given up")
            # scheduler_info may give what its own updates, without workers, have left meanwhile
            with contextlib.suppress(OSError):
                found = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
                self._workers = {at: str(each.get("host")) for at, each in found.items()}
        return self._workers

    def look_at(self, workers: Mapping[str, str], key: str) -> dict[str, Identity | Unfit]:
        """What each of these workers is; ``key`` is that of its digests."""
        with self._reaching():
            versions = self._client.get_versions(packages=[KIT])
        ours = versions["client"]["packages"]
        found: dict[str, Identity | Unfit] = {}
        for address, place in workers.items():
            if why := _misfit(versions["workers"].get(address), ours):
                found[address] = Unfit(place, why)
        fit = [address for address in workers if address not in found]
        if fit:
            with self._reaching():
                answers = self._client.run(identity, key, workers=fit, on_error="return")
            for address in fit:
                found[address] = _identity(answers.get(address), workers[address])
        return found

    def start(self, address: str, task: Task, payload: dict[str, Any]) -> Attempt:
        """Give work to a worker: ``task(payload)``, in a child of its."""
        key = f"{NAME} {secrets.token_hex(16)}"
        with self._reaching():
            future = self._client.submit(
                host.work, task, payload, self._topic, key,
                key=key, workers=[address], allow_other_workers=False, pure=False, retries=0,
            )  # fmt: skip
        return Attempt(key, address, future)

    def cancel(self, attempts: Iterable[Attempt]) -> bool:
        """Let nobody want these any more; whether there was somebody to be told."""
        if self._client.status != "running":
            return False
        with self._reaching():
            self._client.cancel([each.future for each in attempts], force=True)
        return True

    def hear(self, seconds: float) -> Iterator[Event]:
        """What workers have said since, at least for so long; what is no event is left out."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                _, said = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return
            if (event := _event(said)) is not None:
                yield event

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError, CancelledError) as error:
            raise NoSchedulerError(
                f"the scheduler at {self._address} does not answer any more: start it again, and "
                "continue with --resume"
            ) from error


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Reach a scheduler, and keep other fleets from it until the block ends.

    NoSchedulerError in a sentence.
    """
    with _quiet():
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            raise NoSchedulerError(
                f"no Dask scheduler answers at {address}: start one with dask scheduler, and give "
                "the address that it prints"
            ) from error
        try:
            with _alone(client, address):
                yield Cluster(client, address)
        finally:
            client.close(timeout=CONNECT_S)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask has to say of connections from the terminal: the fleet says it itself."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            dask.config.set({"distributed.comm.timeouts.connect": "5s"}),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _alone(client: Client, address: str) -> Iterator[None]:
    with (
        client.as_current(),
        dask.config.set({"distributed.scheduler.locks.lease-timeout": f"{LEASE_S}s"}),
    ):
        lock = Lock(NAME)
        if not lock.acquire(blocking=False):
            since = client.get_metadata([NAME], default="some time")
            raise NoSchedulerError(
                f"another fleet runs at {address} since {ascii(since)[1:-1][:40]}: wait for its "
                f"end; one that was killed is forgotten within {LEASE_S + 10} seconds"
            )
    try:
        client.set_metadata([NAME], time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))
        yield
    finally:
        with contextlib.suppress(OSError, RuntimeError, CancelledError):
            lock.release()


def _event(said: object) -> Event | None:
    """What a worker said, if it is the event of an attempt."""
    if not isinstance(said, str) or len(said) > MOST_LETTERS:
        return None
    try:
        event = saved.from_json(said)
    except ValueError:
        return None
    known = isinstance(event, dict) and isinstance(event.get("attempt"), str)
    return cast("Event", event) if known else None


def _misfit(versions: object, ours: Mapping[str, str]) -> str | None:
    """Why a worker cannot be asked; None if its Python and its kit are those of here."""
    try:
        packages = versions["packages"]  # type: ignore[index]
        python, kit = str(packages["python"]), packages.get(KIT)
    except (TypeError, KeyError):
        return "its Dask worker does not say which versions it has"
    here, there = (".".join(each.split(".")[:2]) for each in (ours["python"], python))
    if here != there:
        return f"it has Python {there[:20]}, and this one is {here}: start its worker with that"
    if kit != ours[KIT]:
        has = f"{KIT} {str(kit)[:20]}" if kit else f"no {KIT}"
        return f"it has {has}, and this one is {ours[KIT]}: pip install {KIT}=={ours[KIT]} there"
    return None


def _identity(answer: object, place: str) -> Identity | Unfit:
    try:
        if isinstance(answer, BaseException) or not isinstance(answer, str):
            raise ValueError("it does not answer")
        found = plain.read(Identity, saved.from_json(answer), "what it says")
        if not found.boot or not all(len(each) <= 64 for each in vars(found).values()):
            raise ValueError("it is no digest")
    except ValueError:
        return Unfit(place, "its Dask worker cannot say which machine it is on")
    return found

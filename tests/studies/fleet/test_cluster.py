"""prefault_kit.studies.fleet.cluster: what Dask's workers are, and what of them can be asked."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from prefault_kit.host.identity import Identity, identity
from prefault_kit.studies.fleet import cluster
from prefault_kit.studies.fleet.cluster import Cluster, NoSchedulerError, Unfit
from tests.studies.fleet.made import await_true

VERSION = "1.0.0"
HERE = ".".join(map(str, sys.version_info))


def test_a_worker_says_which_machine_it_is_on(reached: Cluster) -> None:
    """By the key that it is asked with."""
    workers = reached.workers()
    (found,) = reached.look_at(workers, "key").values()
    assert found == Identity(**json.loads(identity("key")))


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        ({"python": HERE, "prefault-kit": VERSION}, None),
        (
            {"python": HERE, "prefault-kit": "9.9"},
            f"prefault-kit 9.9, and this one is {VERSION}",
        ),
        ({"python": HERE, "prefault-kit": None}, "it has no prefault-kit"),
        ({"python": HERE}, "it has no prefault-kit"),
        ({"python": "2.7.18.final.0", "prefault-kit": VERSION}, "it has Python 2.7"),
        ({}, "does not say which versions"),
        (None, "does not say which versions"),
    ],
)
def test_another_version_is_told(packages: object, words: str | None) -> None:
    """Of the kit with the command; of Python as a major and a minor one."""
    found = cluster._misfit({"packages": packages}, {"python": HERE, "prefault-kit": VERSION})
    assert found is None if words is None else words in (found or "")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        OSError("gone"),
        "{}",
        "[1",
        3,
        json.dumps({"turn": "a", "boot": "", "machine": ""}),
        json.dumps({"turn": "a", "boot": "b" * 99, "machine": ""}),
    ],
)
def test_what_is_no_identity_is_unfit(answer: object) -> None:
    """It may come from anybody."""
    assert isinstance(cluster._identity(answer, "10.0.0.1"), Unfit)


def test_no_worker_is_overlooked(reached: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the client brings itself up to date meanwhile, without any of them."""
    client = reached._client
    sync = client.sync

    def slowly(work: Any, **known: Any) -> Any:
        answer = sync(work, **known)
        sync(client._update_scheduler_info, n_workers=0)
        return answer

    monkeypatch.setattr(client, "sync", slowly)
    assert len(reached.workers()) == 1


def test_a_scheduler_that_is_slow_has_lost_nobody(
    reached: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was last known of it holds until the client gives up."""

    async def late(**_: Any) -> Any:
        raise OSError("timed out")

    before = reached.workers()
    monkeypatch.setattr(reached._client, "scheduler", SimpleNamespace(identity=late))
    assert reached.workers() == before


def test_what_is_no_event_is_not_heard(reached: Cluster) -> None:
    """Whatever is said under the topic of a fleet."""
    said: list[Any] = ["{", "[]", '{"attempt": NaN}', '{"attempt": 1}', "[" * 100_000, 7, None,
                       '{"attempt": "' + "a" * (1 << 20) + '"}', '{"attempt": "last"}']  # fmt: skip
    heard: list[Any] = []

    def say_and_hear() -> bool:
        for each in said:
            reached._client.log_event(reached._topic, each)
        heard.extend(reached.hear(0.05))
        return bool(heard)

    await_true(say_and_hear)  # what is said before the scheduler knows who listens is lost
    assert heard[0] == {"attempt": "last"}
    assert all(each == heard[0] for each in heard)


def test_a_second_fleet_is_refused(here: str, reached: Cluster) -> None:
    """Until the first has ended."""
    for _ in range(2):
        with (
            pytest.raises(NoSchedulerError, match=r"another fleet runs at .* since 20.* UTC: wait"),
            cluster.connected(here),
        ):
            pass


def test_a_fleet_that_has_ended_is_in_nobodys_way(here: str) -> None:
    """However it ended."""
    with pytest.raises(KeyboardInterrupt), cluster.connected(here):
        raise KeyboardInterrupt
    with cluster.connected(here) as again:
        assert len(again.workers()) == 1


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1:port", ""])
def test_no_scheduler_is_told(address: str) -> None:
    """With what to do; nothing else is said of it."""
    with (
        pytest.raises(NoSchedulerError, match=r"no Dask scheduler answers at .*start one"),
        cluster.connected(address),
    ):
        pass


def test_a_scheduler_that_has_gone_is_told() -> None:
    """With how to go on; there is nobody to tell that something is not wanted."""
    closed = SimpleNamespace(status="closed")
    closed.subscribe_topic = lambda *_: None
    lost = Cluster(closed, "tcp://boss:8786")  # type: ignore[arg-type]
    with pytest.raises(NoSchedulerError, match="does not answer any more: start it again"):
        lost.workers()
    assert lost.cancel([]) is False

"""What a Dask worker does for a fleet: it starts the kit's own worker, and passes on what it says.

Whatever can be killed is in that child of its; the Dask worker lives on and says how it ended.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from distributed import Worker as DaskWorker
from distributed import get_worker

from prefault_kit.measure.saved import without_paths
from prefault_kit.measure.worker import Event, Task, Worker, WorkerDied, WorkerStopped

LOOK_S = 0.5
"""Between two looks at whether the work is still wanted."""


def work(task: Task, payload: dict[str, Any], topic: str, attempt: str) -> None:
    """Do ``task(payload)`` in a child, and tell each of its events under ``topic``, as JSON.

    Each has the ``attempt`` with it. If the child dies, that is an event, too. Once nobody wants it
    any more (the fleet was stopped, or whoever collects has gone) the child is ended.
    """
    worker = get_worker()

    def tell(event: Event) -> None:
        worker.log_event(topic, json.dumps(event | {"attempt": attempt}))

    with Worker() as child, _ending_if_unwanted(worker, attempt, child):
        try:
            for event in child.stream(task, payload):
                tell(event)
        except WorkerStopped:
            tell({"stopped": True})
        except WorkerDied as death:
            tell({"died": without_paths(str(death).strip().splitlines()[-1])})


@contextlib.contextmanager
def _ending_if_unwanted(worker: DaskWorker, key: str, child: Worker) -> Iterator[None]:
    """Stop the child as soon as the scheduler has forgotten the task of this key."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state not in ("executing", "long-running"):
                child.stop()
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()

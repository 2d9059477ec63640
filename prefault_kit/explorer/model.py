"""The explorer without its widgets: what is chosen, what runs, what came out.

Every trait may be set and observed from a script. :meth:`Explorer.run` and
:meth:`Explorer.compare` return at once: one thread talks to the worker process, and another, the
only one that sets the traits of a run under way, publishes what came in at most 20 times a second.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets

from prefault_kit import experiment, results
from prefault_kit.backing import format_bytes
from prefault_kit.experiment import Progress, Result
from prefault_kit.explorer import words
from prefault_kit.explorer.choice import Choice, Problem
from prefault_kit.explorer.underway import Live, Run
from prefault_kit.worker import Worker, WorkerStopped

UPDATE_S = 0.05
"""The shortest time between two updates."""
TICK_S = 0.5
"""The longest time between two updates while something runs."""
COMPARE_FOLLOW_UP_BYTES = 256 << 20
"""Up to this size Compare follows up too; beyond it, syncing every file would take minutes."""

CONTROLS = tuple(Choice.__dataclass_fields__)


class Explorer(traitlets.HasTraits):
    """One person's laboratory bench."""

    # The controls; see Choice
    backing = traitlets.Unicode("anon")
    page_size = traitlets.Unicode("4 KiB")
    sharing = traitlets.Unicode("private")
    method = traitlets.Unicode("POPULATE_READ")
    start = traitlets.Unicode("empty")
    size = traitlets.Unicode("2 MiB")
    repeats = traitlets.Int(10)
    directory = traitlets.Unicode("")
    follow_up = traitlets.Bool(True)

    offer = traitlets.Dict(help="Control name -> tuple of Option.")
    problem = traitlets.Instance(Problem, allow_none=True, help="What stops the present choice.")

    running = traitlets.Bool(False)
    failed = traitlets.Bool(False, help="Whether status tells of something that went wrong.")
    status = traitlets.Unicode("Ready.")
    command = traitlets.Unicode("", help="The command that would help, or empty.")
    live = traitlets.Instance(Live, allow_none=True)
    kept = traitlets.Tuple(help="Every Result since the last clear(), oldest first.")
    shown = traitlets.Int(-1, help="Index in kept of the run that is looked at; -1 for none.")
    changed = traitlets.Int(help="Goes up when live, kept and shown have all been set.")

    def __init__(self, worker: Worker | None = None, **choice: Any) -> None:
        self._worker = worker or Worker()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stop_wanted = False
        self._settling = False
        self._publisher: threading.Thread | None = None
        super().__init__(**choice)
        self._settle()
        self.observe(self._settle, names=CONTROLS)

    # Choosing

    @property
    def choice(self) -> Choice:
        """The controls as one record."""
        return Choice(**{name: getattr(self, name) for name in CONTROLS})

    def check(self) -> None:
        """Ask the host again what it can run, for instance after making huge pages."""
        self._settle()

    def _settle(self, change: Any = None) -> None:
        if self._settling:  # our own corrections below
            return
        self._settling = True
        try:
            try:
                choice = self.choice.settled()
                offer = choice.offer()
            except ValueError as error:
                self.problem = Problem(str(error))
                return
            self.offer = offer
            for name in CONTROLS:
                self.set_trait(name, getattr(choice, name))
            self.problem = choice.problem()
        finally:
            self._settling = False

    # Running

    def run(self) -> None:
        """Run the chosen cell; returns at once."""
        self._begin([self.choice.method], f"Running {self.choice.method}", self.follow_up)

    def compare(self) -> None:
        """Run every method that applies to the chosen memory, interleaved; returns at once."""
        names = [option.value for option in self.offer.get("method", ()) if not option.reason]
        follow_up = self.follow_up
        self._begin(names, f"Comparing {len(names)} methods, interleaved", follow_up)

    def stop(self) -> None:
        """Kill what runs; its memory is released at once. Returns before that."""
        with self._lock:
            if not self.running:
                return
            self._stop_wanted = True
        self._news.set()
        threading.Thread(target=self._worker.stop, name="explorer-stop", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing runs; False when ``timeout_s`` passed before that."""
        publisher = self._publisher
        if publisher is not None:
            publisher.join(timeout_s)
            return not publisher.is_alive()
        return True

    @property
    def worker_pid(self) -> int | None:
        """The process that runs experiments; None while there is none."""
        return self._worker.pid

    def close(self) -> None:
        """Stop what runs and end the worker."""
        self.stop()
        self.wait()
        self._worker.close()

    def _fail(self, text: str, command: str | None = None) -> None:
        self.failed = True
        self.status = words.sentence(text)
        self.command = command or ""

    def _begin(self, names: list[str], title: str, follow_up: bool) -> None:
        try:
            cells = [replace(self.choice, method=name).experiment() for name in names]
        except ValueError as error:
            self._fail(str(error))
            return
        if len(cells) > 1 and cells[0].size_bytes > COMPARE_FOLLOW_UP_BYTES:
            cells = [replace(cell, follow_up=False) for cell in cells]
        run = Run(cells, names.index(self.method) if self.method in names else 0, title)
        with self._lock:
            if self.running:
                return
            self._stop_wanted = False
            self.running = True
        self.failed = False
        self.command = ""
        self.status = f"{title} ..."
        self._publisher = threading.Thread(
            target=self._publish, args=(run,), name="explorer-publish", daemon=True
        )
        self._publisher.start()
        threading.Thread(
            target=self._measure, args=(run,), name="explorer-measure", daemon=True
        ).start()

    def _measure(self, run: Run) -> None:
        """Thread: let the worker run the cells, note what it says."""

        def note(progress: Progress) -> None:
            if self._stop_wanted:  # stop() came before there was a worker to stop
                self._worker.stop()
            run.note(progress)
            self._news.set()

        try:
            run.results = experiment.run_many(
                run.cells, worker=self._worker, on_progress=note, early_views=True
            )
        except WorkerStopped:
            run.stopped = True
        except (OSError, ValueError, RuntimeError) as error:
            run.error = str(error)
        finally:
            run.done = True
            self._news.set()

    def _publish(self, run: Run) -> None:
        """Thread: the one updater."""
        while True:
            self._news.wait(TICK_S)
            self._news.clear()
            if run.done:
                break
            self.live = run.live()
            self.status = "Stopping ..." if self._stop_wanted else run.words()
            self.changed += 1
            time.sleep(UPDATE_S)
        self.live = None
        if run.results:
            self._keep(run)
        elif run.stopped:
            self.status = f"Stopped after {run.elapsed_s:.1f} s; the memory is given back."
        else:
            self._fail(run.error or "the run ended without a result")
        self.changed += 1
        self.running = False

    def _keep(self, run: Run) -> None:
        with self._lock:
            first = len(self.kept)
            self.kept = (*self.kept, *run.results)
        self.shown = first + run.focus
        result = run.results[run.focus]
        bad = [result for result in run.results if result.outcome != "ok"]
        if result.outcome != "ok":
            self._fail(result.message or result.outcome, result.command)
        elif bad:
            names = ", ".join(result.method for result in bad)
            self.status = f"Done in {run.elapsed_s:.1f} s; without a timing: {names}."
        else:
            self.status = f"Done in {run.elapsed_s:.1f} s."

    # Keeping

    @property
    def result(self) -> Result | None:
        """The kept run that is looked at."""
        return self.kept[self.shown] if 0 <= self.shown < len(self.kept) else None

    def look_at(self, index: int) -> None:
        """Look at a kept run, by its index; one that is not there changes nothing."""
        if 0 <= index < len(self.kept):
            self.shown = index
            self.changed += 1

    @property
    def summary(self) -> str:
        """What the kernel did in the run that is looked at, in words and numbers."""
        return words.describe(self.result) if self.result else ""

    def clear(self) -> None:
        """Forget the kept runs."""
        with self._lock:
            self.shown = -1
            self.kept = ()
        self.changed += 1
        if not self.running:
            self.failed, self.command, self.status = False, "", "Cleared."

    def save(self, path: str, *, overwrite: bool = False) -> bool:
        """Write the kept runs as JSON; False, and status says why, when that cannot be.

        A file that exists is replaced only with ``overwrite``.
        """
        if not self.kept:
            self._fail("there is no run to save yet: press Run first")
            return False
        target = Path(path).expanduser()
        replaced = self.exists(path)
        if replaced and not overwrite:
            self._fail(f"a file {path} exists already: choose another name, or replace it")
            return False
        try:
            results.save(self.kept, target, overwrite=overwrite)
        except OSError as error:
            self._fail(f"cannot write {path}: {error.strerror}; choose another place")
            return False
        self.failed, self.command = False, ""
        verb = "Replaced" if replaced else "Saved"
        self.status = (
            f"{verb} {path}: {len(self.kept)} runs, {format_bytes(target.stat().st_size)}."
        )
        return True

    @staticmethod
    def exists(path: str) -> bool:
        """Whether saving to ``path`` would replace something."""
        return Path(path).expanduser().exists()

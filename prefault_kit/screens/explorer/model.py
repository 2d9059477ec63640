"""The explorer's model, without widgets: the form, what runs, the results.

Every trait may be set and observed from a script. :meth:`Explorer.run` and
:meth:`Explorer.compare` return at once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets

from prefault_kit.measure import saved
from prefault_kit.measure.result import Result
from prefault_kit.measure.worker import Worker
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.explorer.form import SYSTEM_PAGE, CellForm
from prefault_kit.screens.explorer.job import ExplorerJob, LiveResults
from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.options import Problem
from prefault_kit.show.result import describe
from prefault_kit.show.units import format_count

COMPARE_FOLLOW_UP_BYTES = 256 << 20
"""Up to this size Compare has a follow-up too; beyond it, syncing every file takes minutes."""

CONTROLS = tuple(CellForm.__dataclass_fields__)


class Explorer(ScreenModel[ExplorerJob]):
    """One cell after the other, or all methods interleaved; results are kept and compared.

    >>> model = Explorer(method="POPULATE_WRITE", size="64 KiB", repeats=3)
    >>> model.run()
    >>> model.wait(60), len(model.result.timings_ms)
    (True, 3)
    >>> model.close()
    """

    # The controls; see CellForm
    backing = traitlets.Unicode("anon")
    page_size = traitlets.Unicode(SYSTEM_PAGE)
    sharing = traitlets.Unicode("private")
    method = traitlets.Unicode("POPULATE_READ")
    start = traitlets.Unicode("empty")
    size = traitlets.Unicode("2 MiB")
    repeats = traitlets.Int(10)
    directory = traitlets.Unicode("")
    follow_up = traitlets.Bool(True)

    offer = traitlets.Dict(help="Control name -> tuple of Option.")
    problem = traitlets.Instance(Problem, allow_none=True, help="What stops the present form.")

    live = traitlets.Instance(LiveResults, allow_none=True, help="The results of a running job.")
    kept = traitlets.Tuple(help="Every Result since the last clear(), oldest first.")
    shown = traitlets.Int(-1, help="Index in kept of the result that is looked at; -1 for none.")

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        self._settling = False
        super().__init__(worker, **values)
        self._settle()
        self.observe(self._settle, names=CONTROLS)

    # The form

    @property
    def form(self) -> CellForm:
        """The controls as one record."""
        return CellForm(**{name: getattr(self, name) for name in CONTROLS})

    def check(self) -> None:
        """Ask the host again what it can run, for instance after huge pages were added."""
        self._settle()

    def _settle(self, _: object = None) -> None:
        with self._choosing:
            if self._settling:  # the corrections below
                return
            self._settling = True
            try:
                form = self.form
                settled = form.settled()
                self.offer = settled.offer()
                self._correct(form, settled)
                self.problem = settled.problem()
            except ValueError as error:
                self.problem = Problem(str(error))
            finally:
                self._settling = False

    # Running

    def run(self) -> None:
        """Run the chosen cell; returns at once."""
        self._begin([self.method], f"Running {self.method}")

    def compare(self) -> None:
        """Run every method that applies to the chosen memory, interleaved; returns at once."""
        names = [option.value for option in self.offer.get("method", ()) if not option.reason]
        self._begin(names, f"Comparing {len(names)} methods, interleaved")

    def _begin(self, names: list[str], title: str) -> None:
        try:
            cells = [replace(self.form, method=name).experiment() for name in names]
        except ValueError as error:
            self._fail(str(error))
            return
        if len(cells) > 1 and cells[0].size_bytes > COMPARE_FOLLOW_UP_BYTES:
            cells = [replace(cell, follow_up=False) for cell in cells]
        focus = names.index(self.method) if self.method in names else 0
        self._start(ExplorerJob(cells, focus, title), f"{title} ...")

    def _show(self, job: ExplorerJob) -> None:
        self.live = job.live()
        self.changed += 1

    def _finish(self, job: ExplorerJob) -> None:
        self.live = None
        if job.results:
            self._keep(job)

    def _keep(self, run: ExplorerJob) -> None:
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
        """The kept result that is looked at."""
        return self.kept[self.shown] if 0 <= self.shown < len(self.kept) else None

    def look_at(self, index: int) -> None:
        """Look at a kept result by its index; an index without a result changes nothing."""
        if 0 <= index < len(self.kept):
            self.shown = index
            self.changed += 1

    @property
    def summary(self) -> str:
        """What the kernel did in the run that is looked at, in words and numbers."""
        return describe(self.result) if self.result else ""

    def clear(self) -> None:
        """Forget the kept results."""
        with self._lock:
            self.shown = -1
            self.kept = ()
        self.changed += 1
        if not self.running:
            self._succeed("Cleared.")

    def save(self, path: str, *, overwrite: bool = False) -> bool:
        """Write the kept results as JSON; False if that fails, and status says why.

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
            saved.save(self.kept, target, overwrite=overwrite)
        except OSError as error:
            self._fail(f"cannot write {path}: {error.strerror}; choose another place")
            return False
        verb = "Replaced" if replaced else "Saved"
        size = format_bytes(target.stat().st_size)
        self._succeed(f"{verb} {path}: {format_count(len(self.kept), 'run')}, {size}.")
        return True

    @staticmethod
    def exists(path: str) -> bool:
        """Whether saving to ``path`` would replace something."""
        return Path(path).expanduser().exists()

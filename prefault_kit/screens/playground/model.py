"""The playground's model, without widgets: which memory, which pages, what was done and why.

Every trait may be set and observed from a script. A step is done before :meth:`Playground.do`
returns: the memory is small.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import traitlets

from prefault_kit.kernel import errors, hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure import saved
from prefault_kit.measure.worker import Worker, WorkerBusy, WorkerDied, WorkerStopped
from prefault_kit.screens.model import StatusModel, writing
from prefault_kit.screens.options import Option
from prefault_kit.studies.playground import programs, reasons
from prefault_kit.studies.playground.ground import CHILD, PARENT, Ground, Step
from prefault_kit.studies.playground.history import History
from prefault_kit.studies.playground.operations import OPERATIONS, PROCESS, check
from prefault_kit.studies.playground.playing import Act, CannotPlay, Playing
from prefault_kit.studies.playground.reasons import Reason
from prefault_kit.studies.playground.strips import TABLE, Strips

SIZES = ("64", "512", "4096")
"""Pages, one press away."""
HUGETLB = ("anon huge", "memfd huge")
KINDS = ("anon", "memfd", "tmpfs", "file", *HUGETLB, "hugetlbfs")
WELCOME = "Click a page to read it, with Shift to write it."
P = ParamSpec("P")


def _told(
    method: Callable[Concatenate[Playground, P], None],
) -> Callable[Concatenate[Playground, P], None]:
    """One change at a time; what goes wrong becomes the status, and the next one works."""

    @functools.wraps(method)
    def called(self: Playground, /, *words: P.args, **known: P.kwargs) -> None:
        with self._lock:
            try:
                if self._closed:
                    raise ValueError("this playground is closed: show another one")
                method(self, *words, **known)
            except CannotPlay as missing:
                self._missing = str(missing)
                self._fail(self._missing, missing.command)
            except (
                OSError,
                ValueError,
                RuntimeError,
                WorkerBusy,
                WorkerDied,
                WorkerStopped,
            ) as error:
                self._fail(str(error))
            self.changed += 1

    return called


class Playground(StatusModel):
    """Real memory to touch, with its history."""

    # Which memory; a change begins anew
    kind = traitlets.Unicode("anon")
    sharing = traitlets.Unicode("private")
    pages = traitlets.Int(512)
    thp = traitlets.Bool(False)
    content = traitlets.Unicode("empty")
    directory = traitlets.Unicode(".", help="Where a file is made.")

    # Which pages
    first = traitlets.Int(0, help="The first chosen page.")
    count = traitlets.Int(1, help="How many pages are chosen.")
    process = traitlets.Unicode(PARENT, help="Who does the next step: parent or child.")

    predicting = traitlets.Bool(False, help="Whether a step waits until it was predicted.")
    paint = traitlets.Unicode("zero page", help="What is painted next; of TABLE.")

    def __init__(
        self, history: str | None = None, worker: Worker | None = None, **values: Any
    ) -> None:
        self._lock = threading.RLock()
        self._worker = worker or Worker()
        self._quiet, self._closed, self._missing = True, False, ""
        super().__init__(**values)
        self.playing: Playing | None = None
        self.history = History(Ground())
        self.reason: Reason | None = None
        self.expected: list[str] | None = None
        """What was painted for the step that waits, or was just done."""
        self.waiting: Step | None = None
        """The step that waits for a prediction."""
        self.wrong: list[int] = []
        """The pages of the last prediction that came otherwise."""
        self.score = (0, 0)
        """Pages that were predicted and came so, of all that were predicted."""
        self.prepared = 0
        """How many of the first steps are a scene's: they are not news, and stay."""
        self._quiet = False
        if history is None:
            self.begin()
        else:
            self.open(history)
        names = ["kind", "sharing", "pages", "thp", "content", "directory"]
        self.observe(lambda _: None if self._quiet else self.begin(), names=names)

    # What there is

    @property
    def ground(self) -> Ground:
        """The chosen memory; ValueError for words that contradict each other."""
        if self.kind not in KINDS:
            raise ValueError(f"the kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        kind = self.kind.partition(" ")[0]
        return Ground(
            kind=kind,
            sharing=self.sharing,
            pages=self.pages,
            page_size_bytes=self._pages_at_once() * PAGE_SIZE_BYTES,
            thp=self.thp,
            content=self.content if kind in ("memfd", "tmpfs", "file") else "empty",
            directory=self.directory if kind == "file" else None,
        )

    @property
    def acts(self) -> list[Act]:
        """What was done, with what came of it."""
        return self.playing.acts if self.playing else []

    @property
    def news(self) -> Act | None:
        """The last step with what came of it; None while all is as it was prepared."""
        return self.acts[-1] if len(self.acts) > self.prepared else None

    @property
    def alive(self) -> bool:
        """Whether the process with the memory lives."""
        return bool(self.playing and self.playing.alive)

    def strips(self, process: str = PARENT, *, back: int = 0) -> Strips | None:
        """What a process has now, or had some steps ago; None where there is no such process."""
        if self.playing is None:
            return None
        at = len(self.acts) - 1 - back
        if at < 0:
            return self.playing.fresh if process == PARENT else None
        return self.acts[at].of(process)

    @property
    def step(self) -> tuple[int, int]:
        """First page and number of the chosen pages, as far as there are pages."""
        first = min(max(0, self.first), self.pages - 1)
        return first, min(max(1, self.count), self.pages - first)

    def offer(self) -> dict[str, Option]:
        """Each operation, with the reason why it cannot be done to this memory here."""
        ground = self.playing.ground if self.playing else None
        offered = {
            name: Option.of(name, each.why_not(ground) if ground else None)
            for name, each in OPERATIONS.items()
        }
        if self.strips(CHILD) is None:
            offered["end child"] = Option("end child", "there is no child: fork first")
        return offered

    # What one can do

    def choose(self, first: int, count: int) -> None:
        """Choose pages, as far as there are some."""
        with self.hold_trait_notifications():
            self.first = min(max(0, first), self.pages - 1)
            self.count = min(max(1, count), self.pages - self.first)

    @_told
    def begin(self) -> None:
        """Begin anew with the chosen memory: no steps, no branches."""
        self._forget_prediction()
        self.playing = None
        self.prepared = 0
        self.history = History(Ground())
        self.reason = None
        with self._silently():
            each = self._pages_at_once()
            self.pages = max(each, self.pages // each * each)
        ground = self.ground
        self.playing = Playing(ground, self._worker)
        self.history = History(ground)
        self.process = PARENT
        self._fit()
        self._succeed(WELCOME)

    @_told
    def prepare(self) -> None:
        """Let what was done so far be a scene's: it is no news, and stays."""
        if self.alive:
            self.prepared = len(self.acts)
            self.reason = None
            self._succeed(WELCOME)

    @_told
    def do(self, operation: str, first: int | None = None, count: int | None = None) -> None:
        """Do an operation to the chosen pages, or to others; or let it wait to be predicted."""
        chosen = self.step
        where = (chosen[0] if first is None else first, chosen[1] if count is None else count)
        own = operation in OPERATIONS and OPERATIONS[operation].group == PROCESS
        step = Step(operation, *where, PARENT if own else self.process)
        if self.playing is None:
            raise ValueError(f"there is no memory: {self._missing or 'choose another kind'}")
        check(step, self.playing.ground)
        if self.waiting is not None:
            raise ValueError(f"{describe(self.waiting)} waits: do it, or forget it")
        if self.predicting and not own:
            before = self.strips(self.process)
            if before is not None:
                self.waiting, self.expected, self.wrong = step, list(before.table), []
                self._succeed(
                    f"{describe(step)}: paint what the page table will be, then press Do it."
                )
                return
        self._do(step)

    @_told
    def expect(self, first: int, count: int, word: str | None = None) -> None:
        """Paint pages with what they are expected to be after the step that waits."""
        if self.expected is None:
            raise ValueError("no step waits: choose an operation first")
        word = word or self.paint
        if word not in TABLE:
            raise ValueError(f"a page is {', '.join(TABLE)}; not {word!r}")
        self.expected[first : first + count] = [word] * len(self.expected[first : first + count])

    @_told
    def reveal(self) -> None:
        """Do the step that waits, and compare it with what was expected."""
        if self.waiting is None or self.expected is None:
            raise ValueError("no step waits: choose an operation first")
        step, expected = self.waiting, self.expected
        before = self.strips(step.process)
        self._do(step)
        self.expected = expected  # shown beside what came, until the next step
        after = self.strips(step.process)
        if before is None or after is None:
            return
        pairs = list(zip(expected, after.table, before.table, strict=True))
        told = [page for page, (said, new, old) in enumerate(pairs) if said != old or new != old]
        self.wrong = [page for page in told if pairs[page][0] != pairs[page][1]]
        right, of = self.score
        self.score = right + len(told) - len(self.wrong), of + len(told)

    @_told
    def forget(self) -> None:
        """Forget the step that waits."""
        self._forget_prediction()
        self._succeed("The step was not done.")

    @_told
    def back(self, count: int) -> None:
        """Go back to after the first ``count`` steps, by doing them once more on fresh memory."""
        count = errors.whole("count", count, 0, len(self.history.steps))
        self._forget_prediction()
        self.history.back(count)
        self.prepared = min(self.prepared, count)
        self._replay()

    @_told
    def switch(self, branch: str) -> None:
        """Go to a branch."""
        if branch not in self.history.branches:
            raise ValueError(f"there is no branch {branch!r}")
        self._forget_prediction()
        self.history.switch(branch)
        self._replay()

    @_told
    def revive(self) -> None:
        """After a death: do the steps before it once more."""
        self._revive()

    @_told
    def open(self, text: str) -> None:
        """Open a history: the text of a file, or a link."""
        history = History.load(text, directory=self.directory)
        ground = history.ground
        self._forget_prediction()
        with self._silently():
            huge = " huge" if ground.step_pages > 1 and ground.kind != "hugetlbfs" else ""
            self.kind, self.sharing, self.pages = ground.kind + huge, ground.sharing, ground.pages
            self.thp, self.content = ground.thp, ground.content
        self.history, self.prepared = history, 0
        self._replay()

    @_told
    def load(self, path: str) -> None:
        """Open a saved history."""
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror}; choose another file") from None
        self.open(text)

    @_told
    def save(self, path: str) -> None:
        """Save the history as a new file."""
        target = Path(path).expanduser()
        self.history.name = target.stem
        with writing(path):
            saved.write(target, self.history.dump())
        self._succeed(f"Saved {path}.")

    def program(self, language: str) -> str:
        """The history as a program in ``python`` or ``c``."""
        write = {"python": programs.python, "c": programs.c}[language]
        return write(self.history.ground, self.history.steps)

    def close(self) -> None:
        """Release the memory, and end the worker."""
        self._worker.stop()  # whoever waits for it holds the lock
        with self._lock:
            self._closed, self.playing = True, None
            self._worker.close()
            self.changed += 1

    @property
    def worker_pid(self) -> int | None:
        """The process that has the memory; None while there is none."""
        return self._worker.pid

    # How

    def _pages_at_once(self) -> int:
        """System pages of a page of the chosen kind."""
        if self.kind == "hugetlbfs" or self.kind in HUGETLB:
            return (hugepages.default_size_bytes() or PAGE_SIZE_BYTES) // PAGE_SIZE_BYTES
        return 1

    def _do(self, step: Step) -> None:
        assert self.playing
        if not self.playing.alive:
            self._revive()
        before = self.strips(step.process)
        self.history.add(step)
        self._forget_prediction()
        act = self.playing.do(step)
        self._explain(act, before)
        if self.process == CHILD and act.child is None:
            self.process = PARENT

    def _revive(self) -> None:
        """Do everything once more but the step that killed the process, if one did."""
        if not self.alive and self.acts and self.acts[-1].step.process == PARENT:
            self.history.steps.pop()
        self._replay()

    def _replay(self) -> None:
        steps = list(self.history.steps)
        self.playing = None  # where it cannot be had there is none
        self.playing = Playing(self.history.ground, self._worker)
        self._fit()
        self.process = PARENT
        if steps:
            self.playing.do_all(steps)
            self.history.back(len(self.playing.acts))  # up to a death, the rest stays as a branch
        if self.news:
            self._explain(self.news, self.strips(self.news.step.process, back=1))
        else:
            self.reason = None
            self._succeed(WELCOME)

    def _explain(self, act: Act, before: Strips | None) -> None:
        assert self.playing
        outcome = act.outcome
        self.reason = reasons.why(self.playing.ground, act, before or self.playing.fresh)
        where = "" if outcome.page is None else f" at page {outcome.page}"
        if outcome.died:
            who = "The child" if act.step.process == CHILD else "The process"
            self._fail(f"{describe(act.step)}: {outcome.died}{where}. {who} is dead")
        elif outcome.error:
            self._fail(f"{describe(act.step)}: {outcome.error} ({outcome.message}){where}")
        else:
            self._succeed(f"{describe(act.step)}.")

    def _forget_prediction(self) -> None:
        self.waiting, self.expected, self.wrong = None, None, []

    def _fit(self) -> None:
        self.choose(self.first, self.count)

    @contextmanager
    def _silently(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


def describe(step: Step) -> str:
    """A step in words: ``write: pages 3 to 7``."""
    if OPERATIONS[step.operation].group == PROCESS:
        return step.operation
    last = step.first + step.count - 1
    pages = f"page {step.first}" if step.count == 1 else f"pages {step.first} to {last}"
    return f"{step.operation}: {pages}" + (" (child)" if step.process == CHILD else "")

"""The process in which it happens: it holds the memory from one step to the next, and may die.

:func:`begin` and :func:`act` are tasks of the worker. A touch is a real one, without a guard: where
no page can be had, the process is killed by a real SIGBUS or SIGSEGV; it says first at which page.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import signal
from collections.abc import Iterator
from typing import Any

from prefault_kit.kernel import errors, syscalls, timed, userfaultfd
from prefault_kit.kernel.processors import running_on, the_first
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.playground import strips
from prefault_kit.studies.playground.ground import CHILD, Ground, Step
from prefault_kit.studies.playground.operations import OPERATIONS

Event = dict[str, Any]


class Deadly(Exception):
    """What was asked for will kill this process."""

    def __init__(self, way: str, offset: int, page: int) -> None:
        super().__init__(way)
        self.way, self.offset, self.page = way, offset, page


class Stage:
    """The memory, and what belongs to it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.memory: Mapping = Mapping(
            ground.backing, ground.size_bytes, ground.sharing, thp=None if ground.thp else False
        )
        self._uffd: int | None = None
        self._child: _Child | None = None
        if ground.content == "data":
            syscalls.fill(self.memory.fd, 0, ground.size_bytes, b"\1" * PAGE_SIZE_BYTES)
            os.fsync(self.memory.fd)

    def close(self) -> None:
        """Release everything."""
        self.end_child()
        if self._uffd is not None:
            os.close(self._uffd)
            self._uffd = None
        self.memory.close()

    def touch(self, way: str, offset: int, length: int) -> Work:
        """Read or write a byte of each page; :class:`Deadly` where there is none to be had."""
        try:
            return getattr(self.memory, f"touch_{way}")(offset, length)  # type: ignore[no-any-return]
        except PrefaultError as error:
            size = self.ground.backing.page_size_bytes
            at = offset + error.page * size
            raise Deadly(way, at - at % size, at // PAGE_SIZE_BYTES) from None

    def evict(self, offset: int, length: int) -> None:
        """Write back and drop what is not mapped."""
        os.fdatasync(self.memory.fd)
        os.posix_fadvise(self.memory.fd, offset, length, os.POSIX_FADV_DONTNEED)

    def write_protect(self, offset: int, length: int, *, on: bool) -> Work:
        """userfaultfd's write protection, which the kernel lifts when a page is written."""
        if self._uffd is None:
            wanted = ["write-protect", "WP_UNPOPULATED", "WP_ASYNC"]
            wanted += ["WP_HUGETLBFS_SHMEM"] if self.ground.backing.has_file else []
            self._uffd = userfaultfd.begin(*self.memory.span(), userfaultfd.MODE_WP, *wanted)
        return userfaultfd.write_protect(self._uffd, *self.memory.span(offset, length), on=on)

    def fork(self) -> None:
        """Begin a child, which has the same memory; a second one takes the first one's place."""
        self.end_child()
        self._child = _Child(self)

    def end_child(self) -> None:
        """Let the child exit."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def look(self) -> Event:
        """What there is now, in this process and in the child."""
        seen: Event = {"strips": strips.look(self.memory).as_dict()}
        if self._child is not None:
            seen["child"] = self._child.ask({"look": True}).get("strips")
            if not self._child.alive:
                self._child = None
        return seen

    def act(self, step: Step) -> Iterator[Event]:
        """Do a step, in the process that it names; yields how it went."""
        if step.process == CHILD:
            if self._child is None:
                yield {"error": "ECHILD", "message": "there is no child: fork first"}
                return
            yield self._child.ask({"step": step.as_dict()})
            if not self._child.alive:
                self._child = None
            return
        yield from self.do(step)

    def do(self, step: Step) -> Iterator[Event]:
        """Do a step here; yields how it went, and before it dies, where."""
        try:
            work = OPERATIONS[step.operation].run(self, *step.range_bytes)
        except Deadly as deadly:
            yield {"dying": deadly.page, "strips": strips.look(self.memory).as_dict()}
            self._die(deadly)
        except PrefaultError as error:
            page = step.first + error.page * self.ground.step_pages
            yield _outcome(error.work) | _refused(error) | {"page": page}
        except OSError as error:
            yield _refused(error)
        else:
            yield _outcome(work if isinstance(work, Work) else Work())

    def _die(self, deadly: Deadly) -> None:
        faulthandler.disable()  # a death that is asked for leaves no trace
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        step = self.ground.backing.page_size_bytes
        timed.touch_unguarded(
            f"touch_{deadly.way}", *self.memory.span(deadly.offset, step), step=step
        )


def _outcome(work: Work) -> Event:
    return {
        "elapsed_ns": work.elapsed_ns,
        "minor": work.minor_faults,
        "major": work.major_faults,
    }


def _refused(error: OSError) -> Event:
    name = errors.ERRNO_NAMES.get(error.errno or 0, str(error.errno))
    return {"error": name, "message": os.strerror(error.errno or 0)}


class _Child:
    """A forked process that does steps to its own copy of the memory; it ends with its parent."""

    def __init__(self, stage: Stage) -> None:
        asked, asking = os.pipe()
        answered, answering = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(asking)
                os.close(answered)
                _obey(stage, parent, asked, answering)
            finally:
                os._exit(0)
        os.close(asked)
        os.close(answering)
        self._asking, self._answered = asking, os.fdopen(answered, "rb")
        self.alive = True

    def ask(self, request: Event) -> Event:
        """Send a request; the answer, or how the process died of it."""
        answer: Event = {}
        if not self.alive:
            return {"died": "killed"}
        with contextlib.suppress(BrokenPipeError):
            os.write(self._asking, json.dumps(request).encode() + b"\n")
        for line in self._answered:
            if not line.endswith(b"\n"):
                break
            said = json.loads(line)
            if "end" in said:
                return answer
            answer |= said
        return answer | {"died": self._reap()}

    def end(self) -> None:
        """Let it exit, and wait for it."""
        if self.alive:
            self._reap()

    def _reap(self) -> str:
        self.alive = False
        os.close(self._asking)
        self._answered.close()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        try:
            return signal.Signals(-code).name if code < 0 else f"exit {code}"
        except ValueError:  # a real-time signal has no name
            return f"signal {-code}"


def _obey(stage: Stage, parent: int, asked: int, answering: int) -> None:
    """In the child: do what is asked, until nobody asks any more."""
    syscalls.die_with_parent(parent)
    stage._child = None
    if stage._uffd is not None:
        os.close(stage._uffd)
        stage._uffd = None
    with os.fdopen(asked, "rb") as requests:
        for line in requests:
            request = json.loads(line)
            events = stage.do(Step.of(request["step"])) if "step" in request else [stage.look()]
            for event in events:
                os.write(answering, json.dumps(event).encode() + b"\n")
            os.write(answering, b'{"end": true}\n')


_stage: Stage | None = None
"""The memory that this worker holds."""


def begin(payload: Event) -> Iterator[Event]:
    """Task of the worker: let go of what there was, and make the memory of a ground."""
    global _stage
    leave()
    missing = Ground.of(payload["ground"]).why_not()
    if missing is not None:
        yield {"unavailable": missing.reason, "command": missing.command}
        return
    try:
        _stage = Stage(Ground.of(payload["ground"]))
    except OSError as error:
        yield _refused(error)
        return
    yield _stage.look()


def act(payload: Event) -> Iterator[Event]:
    """Task of the worker: do some steps one after the other; a look after each."""
    if _stage is None:  # another process has taken the one that had the memory
        yield {"lost": True}
        return
    with running_on(the_first()):  # what a step has brought, MADV_PAGEOUT of a later one can take
        for saved in payload["steps"]:
            outcome: Event = {}
            for event in _stage.act(Step.of(saved)):
                outcome |= event
                if "dying" in event:
                    yield event
            yield {"outcome": outcome, **_stage.look()}


def leave() -> None:
    """Release the memory."""
    global _stage
    if _stage is not None:
        _stage.close()
        _stage = None


def release(_: Event) -> Iterator[Event]:
    """Task of the worker: release the memory."""
    leave()
    yield {}

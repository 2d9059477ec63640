"""A promise: what a text says about populating, how it is shown here, and the verdict.

To add one, write a function in a module of this package that prepares memory, looks, and returns
what it saw in a few words, and decorate it with :func:`promise`. What the host must have is asked
beforehand (:mod:`~prefault_kit.studies.promises.needs`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prefault_kit.host import Unavailable
from prefault_kit.kernel import errors
from prefault_kit.studies.promises import needs as host_needs
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.needs import Need

HOLDS = "holds"
DIFFERS = "differs"
NOT_TESTABLE = "not-testable"


class NotTestable(Exception):
    """This host cannot show a promise: why, and the command that helps if there is one."""

    def __init__(self, missing: Unavailable) -> None:
        super().__init__(str(missing))


def need(missing: Unavailable | None) -> None:
    """Raise NotTestable if something is missing."""
    if missing:
        raise NotTestable(missing)


@dataclass(frozen=True)
class Verdict:
    """The outcome of one promise on one kind of memory; the object that ``check --json`` prints."""

    id: str
    source: str
    claim: str
    backing: str
    """Sharing and kind of memory, with the file system: ``shared file on ext4``."""
    expected: str
    observed: str | None
    verdict: str
    """``holds``, ``differs`` (from the text) or ``not-testable``."""
    reason: str | None = None
    """Why it differs, and since when; or why it cannot be tested, and what would help."""

    @property
    def explained(self) -> bool:
        """Whether it holds, cannot be tested, or differs for a known reason."""
        return self.verdict != DIFFERS or self.reason is not None

    def as_dict(self) -> dict[str, Any]:
        """All fields, as ``check --json`` prints them."""
        return asdict(self)


@dataclass(frozen=True)
class Promise:
    """One claim, and how it is shown."""

    id: str
    """Short, unique and stable: notebooks name promises by it."""
    source: str
    """Where the claim stands: a section of the cover letter, a man page, the kernel's docs."""
    claim: str
    on: Mapping[str, str]
    """What is expected on each kind of memory, as :meth:`Ground.find` takes it."""
    show: Callable[[Ground], str]
    """Return what it saw, in the words of ``on``; NotTestable where this host cannot show it."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """What is seen where the text no longer holds -> why, and since when."""
    needs: Sequence[Need] = ()
    """What the host must have beside the ground."""

    def verdict(
        self, kind: str, directory: str, verdict: str, observed: str | None, reason: str | None
    ) -> Verdict:
        """The verdict on one kind of memory."""
        memory = Ground.label(kind, directory)
        return Verdict(
            self.id, self.source, self.claim, memory, self.on[kind], observed, verdict, reason
        )

    def judge(self, kind: str, directory: str) -> Verdict:
        """Show it on one kind of memory, with files in ``directory``, and compare.

        The host is asked for everything that the promise needs beforehand, and once more if the
        promise does not hold: a disk may have filled up meanwhile, or memory run short. What was
        shown is never taken for a lack of the host.
        """
        say = functools.partial(self.verdict, kind, directory)
        try:
            observed = self.show(self._ground(kind, directory))
        except NotTestable as missing:
            return say(NOT_TESTABLE, None, str(missing))
        except OSError as error:
            observed = f"{errors.ERRNO_NAMES.get(error.errno or 0)}: {error.strerror}"
        if observed == self.on[kind]:
            return say(HOLDS, observed, None)
        reason = self.differs.get(observed)
        if reason is None:
            try:
                self._ground(kind, directory)
            except NotTestable as missing:
                return say(NOT_TESTABLE, None, str(missing))
            except OSError:  # what the host cannot answer is no excuse
                pass
        return say(DIFFERS, observed, reason)

    def _ground(self, kind: str, directory: str) -> Ground:
        """The memory to show it on; NotTestable if the host lacks it, or anything else needed."""
        ground = Ground.find(kind, directory)
        if isinstance(ground, Unavailable):
            raise NotTestable(ground)
        for each in self.needs:
            need(each(ground))
        return ground


PROMISES: dict[str, Promise] = {}
"""Every promise by its id, in the order of presentation."""


def promise(
    name: str,
    *,
    source: str,
    claim: str,
    on: Mapping[str, str],
    differs: Mapping[str, str] | None = None,
    needs: Sequence[Need] = (host_needs.populate,),
) -> Callable[[Callable[[Ground], str]], Callable[[Ground], str]]:
    """Enter the decorated function into :data:`PROMISES`; see :class:`Promise`."""

    def enter(show: Callable[[Ground], str]) -> Callable[[Ground], str]:
        if name in PROMISES:
            raise ValueError(f"there are two promises {name}")
        PROMISES[name] = Promise(name, source, claim, on, show, differs or {}, needs)
        return show

    return enter

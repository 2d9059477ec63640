"""prefault_kit.studies.promises.promise: how a verdict comes about."""

import errno
import os
from collections.abc import Callable

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises import promise as module
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.promise import Promise, Verdict, need


def judged(show: Callable[[Ground], str], **known: object) -> Verdict:
    promise = Promise("an-id", "a source", "a claim", {"private anon": "1 page"}, show, **known)  # type: ignore[arg-type]
    return promise.judge("private anon", ".")


def test_what_is_expected_holds() -> None:
    """Seen as expected: holds, and no reason is given."""
    verdict = judged(lambda ground: "1 page")
    assert (verdict.verdict, verdict.observed, verdict.reason) == ("holds", "1 page", None)
    assert verdict.explained


def test_what_is_not_expected_differs() -> None:
    """Anything else differs, without a reason."""
    verdict = judged(lambda ground: "2 pages")
    assert (verdict.verdict, verdict.observed, verdict.reason) == ("differs", "2 pages", None)
    assert not verdict.explained


def test_a_known_difference_is_explained() -> None:
    """A difference from the text that is known has its reason."""
    verdict = judged(lambda ground: "2 pages", differs={"2 pages": "since Linux 9"})
    assert (verdict.verdict, verdict.reason) == ("differs", "since Linux 9")
    assert verdict.explained


def test_what_is_missing_is_not_testable() -> None:
    """What the host lacks is said, with the command that helps."""

    def show(ground: Ground) -> str:
        need(Unavailable("no such thing here", "sudo make it so"))
        return "1 page"

    verdict = judged(show)
    assert verdict.verdict == "not-testable"
    assert verdict.observed is None
    assert verdict.reason == "no such thing here; what would help: sudo make it so"


def test_a_refusal_of_the_kernel_is_seen_not_skipped() -> None:
    """An errno that nobody expected differs; it is no excuse."""

    def show(ground: Ground) -> str:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    verdict = judged(show)
    assert verdict.verdict == "differs"
    assert verdict.observed == "EPERM: Operation not permitted"


def test_the_host_is_asked_beforehand() -> None:
    """What a promise needs and the host lacks ends it before anything is shown."""

    def show(ground: Ground) -> str:
        raise AssertionError("it was shown")

    verdict = judged(show, needs=(lambda ground: None, lambda ground: Unavailable("no disk")))
    assert (verdict.verdict, verdict.reason) == ("not-testable", "no disk")


@pytest.mark.parametrize("seen", ["2 pages", OSError(errno.ENOSPC, "no room")])
def test_the_host_is_asked_again(seen: str | OSError) -> None:
    """A disk that fills up meanwhile is no difference; one that is as before is no excuse."""

    def show(ground: Ground) -> str:
        if isinstance(seen, OSError):
            raise seen
        return seen

    for later, verdict in ((Unavailable("the disk is full"), "not-testable"), (None, "differs")):
        answers = iter((None, later))
        assert judged(show, needs=(lambda ground: next(answers),)).verdict == verdict  # noqa: B023


def test_what_holds_is_not_asked_about_again() -> None:
    """A host that has become poor meanwhile takes nothing from what was shown."""
    answers = iter((None, Unavailable("the disk is full")))
    assert judged(lambda ground: "1 page", needs=(lambda ground: next(answers),)).verdict == "holds"


def test_by_default_the_advice_is_needed() -> None:
    """A promise that says nothing else needs both advices."""
    enter = module.promise("made-up", source="s", claim="c", on={"private anon": "1"})
    try:
        enter(lambda ground: "1")
        assert module.PROMISES["made-up"].needs == (needs.populate,)
    finally:
        module.PROMISES.pop("made-up", None)


def test_a_verdict_survives_json() -> None:
    """The object that is printed has the names that scripts rely on."""
    verdict = judged(lambda ground: "1 page")
    assert list(verdict.as_dict()) == [
        "id",
        "source",
        "claim",
        "backing",
        "expected",
        "observed",
        "verdict",
        "reason",
    ]
    assert Verdict(**verdict.as_dict()) == verdict


def test_two_promises_of_one_id() -> None:
    """An id names one promise."""
    known = next(iter(module.PROMISES))
    with pytest.raises(ValueError, match="two promises"):
        module.promise(known, source="", claim="", on={})(lambda ground: "")

"""prefault_kit.studies.field.claims: ranges, and whether what was found lies in them."""

import math

import pytest

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit import Backing, Mapping, Work
from prefault_kit.host import Unavailable
from prefault_kit.measure.contest import Contest, Entry
from prefault_kit.studies.field import Case, Found, Way, claims
from prefault_kit.studies.field.claims import Ends, Failure, Ratio, Seen, Share

CASE = Case(
    "id", "Somebody", "a program", "2021", "A title", (), "", (Way("a", ()), Way("b", ())), ()
)
FOUND = Found(
    CASE,
    Contest({name: Entry((Work(elapsed_ns=ns),), None) for name, ns in (("a", 100), ("b", 250))}),
    {"a": {"pages": Seen(5, 8)}, "b": {"pages": Seen(8, 8)}},
    {"b": Failure("EFAULT", 0.625)},
)
LACKING = Found(CASE, Contest({}), {}, {}, Unavailable("nothing is here"))


@pytest.mark.parametrize(
    ("claim", "expected", "observed", "verdict"),
    [
        (Ratio("t", "b", "a", low=2), "at least 2 times as long", "2.50 times", "holds"),
        (Ratio("t", "b", "a", high=2), "at most 2 times as long", "2.50 times", "differs"),
        (Ratio("t", "b", "a", 2.5, 3), "2.5 to 3 times as long", "2.50 times", "holds"),
        (Ratio("t", "b", "a", high=1), "at most as long", "2.50 times", "differs"),
        (Share("t", "a", "pages", 0.5, 1), "at least 50%", "at least 50%", "holds"),
        (Share("t", "a", "pages", 0, 0.02), "at most 2%", "62.5%", "differs"),
        (Share("t", "b", "pages", 1, 1), "all", "all", "holds"),
        (Share("t", "b", "pages", 0, 0), "none", "all", "differs"),
        (Share("t", "a", "pages", 0.6, 0.7), "60% to 70%", "60% to 70%", "holds"),
        (Ends("t", "a", None), "no error", "no error", "holds"),
        (Ends("t", "b", None), "no error", "EFAULT after 62.5%", "differs"),
        (Ends("t", "b", Failure("EFAULT", 0.625)), *2 * ("EFAULT after 62.5%",), "holds"),
        (Ends("t", "a", Failure("EFAULT", 0.625)), "EFAULT after 62.5%", "no error", "differs"),
    ],
)
def test_a_verdict_says_what_was_expected_and_what_was_found(
    claim: claims.Claim, expected: str, observed: str, verdict: str
) -> None:
    """Where a count holds, the range alone is told: the figure may change from run to run."""
    found = claim.verdict(FOUND)
    assert (found.expected, found.observed, found.verdict) == (expected, observed, verdict)
    lacking = claim.verdict(LACKING)
    assert (lacking.expected, lacking.verdict) == (expected, "not-testable")
    assert lacking.reason == "nothing is here"


def test_a_difference_that_is_known_has_its_reason() -> None:
    """And only a difference has it."""
    reason = "the kernel is newer"
    assert Share("t", "a", "pages", 1, 1, reason).verdict(FOUND).reason == reason
    assert Share("t", "b", "pages", 1, 1, reason).verdict(FOUND).reason == ""
    assert Ratio("t", "b", "a", high=2, reason=reason).verdict(FOUND).reason == reason
    assert Ratio("t", "b", "a", low=2, reason=reason).verdict(FOUND).reason == ""


def test_what_is_counted() -> None:
    """Faults of the pages that were done, pages of the memory."""
    with Mapping(Backing.memfd(), 16 * PAGE, "shared") as memory:
        work = memory.touch_write(0, 4 * PAGE)
        seen = {
            name: look(memory, work) for name, look in claims.LOOKS.items() if "huge" not in name
        }
    assert seen == {
        "major faults": Seen(0, 4),
        "minor faults": Seen(4, 4),
        "pages cached": Seen(4, 16),
        "pages resident": Seen(4, 16),
        "pages present": Seen(4, 16),
    }
    assert math.isnan(Seen(0, 0).share)


@pytest.mark.needs("thp")
def test_huge_pages_are_counted_in_their_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever that is here."""
    monkeypatch.setattr(claims.thp, "size_bytes", lambda: 4 * PAGE)
    with Mapping(Backing.anon(), 16 * PAGE) as memory:
        assert claims.LOOKS["huge pages"](memory, Work()) == Seen(0, 4)

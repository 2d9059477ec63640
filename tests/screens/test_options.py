"""prefault_kit.screens.options: what a control offers, and what stops the present choice."""

from prefault_kit.host import Unavailable
from prefault_kit.screens.options import Option, Problem

LACKING = Unavailable("no huge pages are free", "make some")


def test_what_the_host_lacks_greys_an_option_out() -> None:
    """With reason and command; an option that lacks nothing has neither."""
    assert Option.of("hugetlbfs", LACKING) == Option("hugetlbfs", *vars(LACKING).values())
    assert Option.of("anon", None) == Option("anon", None, None)


def test_what_the_host_lacks_is_the_problem_of_a_choice() -> None:
    """Nothing lacking is no problem; a problem greys an option out as well."""
    problem = Problem.of(LACKING)
    assert problem == Problem("no huge pages are free", "make some")
    assert Problem.of(None) is None
    assert Option.of("hugetlbfs", problem) == Option.of("hugetlbfs", LACKING)

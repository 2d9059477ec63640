"""pytest: with ``@pytest.mark.fault_budget(major=0, minor=10)`` more page faults fail a test.

Arguments as of :func:`prefault_kit.fault_budget`. Fixtures are outside of the budget; what unittest
calls with a test, its setUp too, is inside. It is a module of its own beside the kit, which is
imported where a test has such a mark, and only then.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

MARK = "fault_budget"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, also where marks are strict."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(major=0, minor=None, *, thread='this', lines=False): "
        "fail if the test takes more page faults",
    )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Run a marked test under its budget; what the test itself raises comes first."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        yield
        return
    from prefault_kit.measure.budget import FaultBudgetExceeded, fault_budget

    try:
        budget = fault_budget(*mark.args, **mark.kwargs)
    except (TypeError, ValueError) as error:
        wrong = str(error)
    else:
        wrong = ""
    if wrong:
        pytest.fail(f"@pytest.mark.{MARK}: {wrong}", pytrace=False)
    too_many = ""
    try:
        with budget:
            yield
    except FaultBudgetExceeded as exceeded:
        if exceeded.spent is not budget:  # the test has one of its own
            raise
        too_many = str(exceeded)
    item.user_properties += [("minor_faults", budget.minor), ("major_faults", budget.major)]
    if too_many:
        pytest.fail(too_many, pytrace=False)

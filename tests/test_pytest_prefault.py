"""The pytest plugin: marks fail tests, whatever a test raises comes first, and it costs nothing."""

import ast
import os
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from prefault_kit.kernel import perf

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
PLUGIN = "pytest_prefault"
TESTS = """
import mmap
import pytest

def touch():
    with mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=34) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(64):
            memory[page * mmap.PAGESIZE] = 1

@pytest.fixture
def prepared():
    touch()

@pytest.mark.fault_budget(major=0, minor=30)
def test_kept(prepared):
    pass

@pytest.mark.fault_budget(major=0, minor=30)
def test_exceeded():
    touch()

@pytest.mark.fault_budget(major=0, minor=30)
def test_own():
    touch()
    assert 1 == 2

@pytest.mark.fault_budget(mino=1)
def test_misspelled():
    pass

@pytest.mark.fault_budget(minor=1000)
def test_with_one_of_its_own():
    from prefault_kit import fault_budget
    with fault_budget(minor=0):
        touch()

class TestOf:
    pytestmark = pytest.mark.fault_budget(minor=30)

    def test_of_a_class(self):
        touch()
"""


def test_marks_are_budgets(pytester: pytest.Pytester) -> None:
    """Fixtures are outside; what a test raises itself is what is told; slips are told."""
    pytester.makepyfile(TESTS)
    installed = any(each.value == PLUGIN for each in entry_points(group="pytest11"))
    done = pytester.runpytest_inprocess(
        *(() if installed else ("-p", PLUGIN)),
        "--strict-markers", "--junitxml=junit.xml", "-p", "no:xdist", "-p", "no:nbval",
    )  # fmt: skip
    done.assert_outcomes(passed=1, failed=5)
    said = done.stdout.str()
    assert "assert 1 == 2" in said
    assert "unexpected keyword argument 'mino'" in said
    assert said.count("minor faults, where 30 are allowed") >= 2
    assert "test_kept" not in said
    assert ">       with fault_budget(minor=0):" in said
    assert "pytest_prefault.py" not in said  # no traceback of the plugin's own
    try:
        os.close(perf.open_event(0, major=False, options=perf.USER_ONLY))
    except OSError:
        assert "nobody can be named" in said
    else:
        assert "unmapped since" in said
    assert 'name="minor_faults"' in (pytester.path / "junit.xml").read_text()


def test_it_costs_nothing_unused() -> None:
    """At its load it imports neither the kit nor NumPy: pytest alone, which is there."""
    tree = ast.parse((ROOT / "pytest_prefault.py").read_text())
    imported = {
        name
        for node in tree.body
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"__future__", "collections.abc", "pytest"}


def test_it_is_an_entry_point() -> None:
    """pyproject.toml names it, and installs its module.

    By the module's name, so that ``-p pytest_prefault`` is the same plugin, installed or not.
    """
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\npytest_prefault = "pytest_prefault"' in text
    assert 'py-modules = ["pytest_prefault"]' in text

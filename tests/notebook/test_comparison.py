"""notebooks/conftest.py: the strict comparison holds, and what a host lacks passes unhidden."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
STRICT = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=60", "-x")
FAULTS = {
    "an off-by-one in the prefix": (
        "06-errors-instead-of-sigbus.ipynb",
        """
from prefault_kit.kernel import timed
class PrefaultError(timed.PrefaultError):
    def __init__(self, *words, **known):
        super().__init__(*words, **known)
        self.populated_bytes += timed.PAGE_SIZE_BYTES
timed.PrefaultError = PrefaultError
""",
    ),
    "dirty read as clean": (
        "03-read-and-write.ipynb",
        """
from dataclasses import replace
from prefault_kit.kernel import page_cache
of = page_cache.of
page_cache.of = lambda *where, **known: replace(of(*where, **known), dirty=0)
""",
    ),
}
"""A notebook that catches it, and what plants it: in the notebook's kernel and in the worker."""
WRONG_CONSTANT = """
from prefault_kit.kernel import timed
timed.OPERATIONS["MADV_POPULATE_READ"] = timed.OPERATIONS["MADV_POPULATE_WRITE"]
"""
NO_HUGE_PAGES = """
from prefault_kit.kernel import hugepages
hugepages.default_size_bytes = lambda: None
"""
NOTHING_RESIDENT = """
from prefault_kit.kernel import smaps
smaps.usage = lambda *where: smaps.Usage(rss=0)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def compare(tmp_path: Path) -> Run:
    """Compare a notebook strictly, in a copy, with a kit that was tampered with."""

    def run(
        name: str, *words: str, planted: str = "", change: Callable[[str], str] = str
    ) -> subprocess.CompletedProcess[str]:
        shutil.copy(NOTEBOOKS / "conftest.py", tmp_path)
        stored = (NOTEBOOKS / name).read_text()
        changed = change(stored)
        assert (changed == stored) == (change is str), "the change found nothing to change"
        (tmp_path / name).write_text(_without_screens(changed))
        (tmp_path / "sitecustomize.py").write_text(planted)
        paths = [str(tmp_path), os.environ.get("PYTHONPATH")]
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *STRICT, *words, "-p", "no:cacheprovider", name],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def _without_screens(text: str) -> str:
    """A notebook without its scenes, of which nothing is compared: Bokeh takes longest to load."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = [line for line in cell["source"] if "import scene" not in line]
    notebook["cells"] = [
        cell for cell in notebook["cells"] if "= scene(" not in "".join(cell["source"])
    ]
    return json.dumps(notebook)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(compare: Run, fault: str) -> None:
    """A kit with this fault cannot pass its documentation."""
    name, planted = FAULTS[fault]
    done = compare(name, planted=planted)
    assert done.returncode == 1, done.stdout
    assert "failed" in done.stdout


def test_a_corrupt_notebook_is_caught(compare: Run) -> None:
    """One word of a verdict and one count changed in what is stored: two cells fail."""

    def corrupt(text: str) -> str:
        return text.replace("holds |", "differs |", 1).replace(
            "mincore=512, rss=0)", "mincore=512, rss=512)", 1
        )

    done = compare("08-three-ways-to-ask.ipynb", "--maxfail=2", change=corrupt)
    assert done.returncode == 1, done.stdout
    assert "2 failed" in done.stdout


@pytest.mark.needs("hugetlb")
def test_what_the_host_lacks_passes_and_is_told(compare: Run) -> None:
    """Without huge pages their cell and their rows pass, and the run says which were not shown."""
    done = compare("08-three-ways-to-ask.ipynb", planted=NO_HUGE_PAGES)
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "not testable here:" in line]
    assert any("resident-hugetlb" in line for line in told)
    assert any("resident-hugetlb" not in line for line in told)  # the cell itself


@pytest.mark.needs("hugetlb")
def test_what_the_host_lacks_hides_nothing_else(compare: Run) -> None:
    """A wrong count is caught on such a host too."""
    done = compare("03-read-and-write.ipynb", planted=WRONG_CONSTANT + NO_HUGE_PAGES)
    assert done.returncode == 1, done.stdout


def test_what_was_stored_without_it_may_only_hold(compare: Run, tmp_path: Path) -> None:
    """A row stored as not testable accepts that the promise holds, and nothing else."""

    def lacking(text: str) -> str:
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                for kind, lines in output.get("data", {}).items():
                    if kind.startswith("text/"):
                        output["data"][kind] = [_as_lacking(line) for line in lines]
        return json.dumps(notebook)

    done = compare("08-three-ways-to-ask.ipynb", change=lacking)
    assert done.returncode == 0, done.stdout
    done = compare(
        "08-three-ways-to-ask.ipynb",
        change=lacking,
        planted=NOTHING_RESIDENT,
    )
    assert done.returncode == 1, done.stdout


def _as_lacking(line: str) -> str:
    if not line.startswith("| `resident-written`"):
        return line
    _, name, memory, expected, *_ = line.split(" | ")[0], *line.removeprefix("| ").split(" | ")
    end = "\n" if line.endswith("\n") else ""
    return f"| {name} | {memory} | {expected} | not testable here: no reason | not-testable |{end}"

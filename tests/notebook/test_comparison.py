"""notebooks/conftest.py: the strict comparison holds, and what a host lacks passes unhidden."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
STRICT = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=60")
OFF_BY_ONE = """
from prefault_kit.kernel import timed
class PrefaultError(timed.PrefaultError):
    def __init__(self, *words, **known):
        super().__init__(*words, **known)
        self.populated_bytes += timed.PAGE_SIZE_BYTES
timed.PrefaultError = PrefaultError
"""
DIRTY_READ_AS_CLEAN = """
from dataclasses import replace
from prefault_kit.kernel import page_cache
of = page_cache.of
page_cache.of = lambda *where, **known: replace(of(*where, **known), dirty=0)
"""
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

REPORT = "--junitxml=report.xml"
PLANTING = """
import pathlib
planted = pathlib.Path("planted.py")
if planted.exists():
    exec(planted.read_text())
"""
"""As sitecustomize: each notebook's kernel and its worker run what lies beside the notebook."""


def _corrupt(text: str) -> str:
    """One word of a verdict and one count changed in what is stored."""
    return text.replace("holds |", "differs |", 1).replace(
        "mincore=512, rss=0)", "mincore=512, rss=512)", 1
    )


def _lacking(text: str) -> str:
    """As stored where a promise was not testable."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for kind, lines in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = [_as_lacking(line) for line in lines]
    return json.dumps(notebook)


def _as_lacking(line: str) -> str:
    if not line.startswith("| `resident-written`"):
        return line
    _, name, memory, expected, *_ = line.split(" | ")[0], *line.removeprefix("| ").split(" | ")
    end = "\n" if line.endswith("\n") else ""
    return f"| {name} | {memory} | {expected} | not testable here: no reason | not-testable |{end}"


PREFIX = "06-errors-instead-of-sigbus.ipynb"
WRITTEN = "03-read-and-write.ipynb"
RESIDENT = "08-three-ways-to-ask.ipynb"
CASES: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "off-by-one": (PREFIX, OFF_BY_ONE, str),
    "dirty-read-as-clean": (WRITTEN, DIRTY_READ_AS_CLEAN, str),
    "corrupt": (RESIDENT, "", _corrupt),
    "no-huge-pages": (RESIDENT, NO_HUGE_PAGES, str),
    "wrong-constant": (WRITTEN, WRONG_CONSTANT + NO_HUGE_PAGES, str),
    "stored-without": (RESIDENT, "", _lacking),
    "nothing-resident": (RESIDENT, NOTHING_RESIDENT, _lacking),
}
"""A notebook, what is planted in its kernel and its worker, and what is changed in its copy."""


@dataclass
class Compared:
    """How the comparison of a notebook ended."""

    cells: int = 0
    failed: int = 0
    told: list[str] = field(default_factory=list)
    """Its lines of what is not testable here."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    """All cases compared strictly, each in a copy of its own, in one run: pytest takes its time."""
    place = tmp_path_factory.mktemp("compared")
    shutil.copy(NOTEBOOKS / "conftest.py", place)
    (place / "sitecustomize.py").write_text(PLANTING)
    for case, (name, planted, change) in CASES.items():
        stored = (NOTEBOOKS / name).read_text()
        changed = change(stored)
        assert (changed == stored) == (change is str), "the change found nothing to change"
        (place / case).mkdir()
        (place / case / name).write_text(_without_pictures(changed))
        (place / case / "planted.py").write_text(planted)
    copies = [f"{case}/{name}" for case, (name, *_) in CASES.items()]
    paths = [str(place), os.environ.get("PYTHONPATH")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *STRICT, "-p", "no:cacheprovider", REPORT, *copies],
        cwd=place,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout
    found = {case: Compared() for case in CASES}
    for cell in ElementTree.parse(place / "report.xml").iter("testcase"):
        case = found[cell.attrib["classname"].split(".")[0]]
        case.cells += 1
        case.failed += cell.find("failure") is not None
        assert cell.find("error") is None, done.stdout
    for line in done.stdout.splitlines():
        if "not testable here:" in line and "::" in line:
            found[line.split("/")[0]].told.append(line)
    assert all(each.cells for each in found.values()), done.stdout
    return found


def _without_pictures(text: str) -> str:
    """A notebook without its scenes and page maps: Bokeh and Matplotlib take longest to load."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = [line for line in cell["source"] if "import scene" not in line]
    notebook["cells"] = [
        cell
        for cell in notebook["cells"]
        if not any(call in "".join(cell["source"]) for call in ("= scene(", "page_map("))
    ]
    return json.dumps(notebook)


@pytest.mark.parametrize("fault", ["off-by-one", "dirty-read-as-clean"])
def test_a_planted_fault_is_caught(compared: dict[str, Compared], fault: str) -> None:
    """A kit with this fault cannot pass its documentation."""
    assert compared[fault].failed


def test_a_corrupt_notebook_is_caught(compared: dict[str, Compared]) -> None:
    """One word of a verdict and one count changed in what is stored: two cells fail."""
    assert compared["corrupt"].failed == 2


@pytest.mark.needs("hugetlb")
def test_what_the_host_lacks_passes_and_is_told(compared: dict[str, Compared]) -> None:
    """Without huge pages their cell and their rows pass, and the run says which were not shown."""
    case = compared["no-huge-pages"]
    assert case.failed == 0
    assert any("resident-hugetlb" in line for line in case.told)
    assert any("resident-hugetlb" not in line for line in case.told)  # the cell itself


@pytest.mark.needs("hugetlb")
def test_what_the_host_lacks_hides_nothing_else(compared: dict[str, Compared]) -> None:
    """A wrong count is caught on such a host too."""
    assert compared["wrong-constant"].failed


def test_what_was_stored_without_it_may_only_hold(compared: dict[str, Compared]) -> None:
    """A row stored as not testable accepts that the promise holds, and nothing else."""
    assert compared["stored-without"].failed == 0
    assert compared["nothing-resident"].failed

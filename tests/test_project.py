"""The project's own files: they agree with one another and say what is true."""

import ast
import itertools
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy
import pytest
import yaml
from PIL import Image

from prefault_kit.cli.entry import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEPENDENCIES = [
    each
    for each in (*PROJECT["dependencies"], *itertools.chain.from_iterable(EXTRAS.values()))
    if not each.startswith("prefault-kit[")  # an extra that is part of another
]
ROOMS = (
    "cli", "host", "kernel", "measure", "memory", "notebook", "screens", "show", "studies",
)  # fmt: skip
UNTESTED = {"kernel/native": "build.py compiles the C, and every other test calls it"}
"""Folders without tests of their own, and why."""
TESTED_TOGETHER = {
    "screens/explorer": "its tests press what the view shows",
    "screens/latency": "its tests press what the view shows",
    "screens/reviewer": "its tests press what the view shows",
    "screens/trial": "its tests press what the view shows",
    "screens/widgets": "its tests show them together",
    "studies/promises": "test_broken_kit.py plants a fault for each module, and asserts that",
}
"""Folders whose tests are not module by module, and why."""


def _files() -> list[Path]:
    """What is tracked; where that cannot be asked (no Git, an unpacked archive), what is there."""
    if shutil.which("git"):
        done = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=600
        )
        if done.stdout:
            return [ROOT / name for name in done.stdout.splitlines()]
    made = re.compile(r"\.venv|\.git|__pycache__|.*_cache|.*\.egg-info|\.ipynb_checkpoints")
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(map(made.fullmatch, path.relative_to(ROOT).parts))
    ]


TEXTS = [
    path for path in _files() if path.is_file() and path.suffix not in (".png", ".gif", ".so", ".o")
]


def test_environment_has_what_pyproject_has() -> None:
    """environment.yml names the same packages with the same bounds, and what builds the C."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    python = next(entry for entry in conda if re.match(r"python\b", entry))
    major, minor = re.fullmatch(r"python=(\d+)\.(\d+)", python).groups()
    oldest = PROJECT["requires-python"].removeprefix(">=").split(".")
    assert [int(major), int(minor)] >= [int(part) for part in oldest]
    from_pip = {each for each in DEPENDENCIES if each.startswith("qemu.qmp")}
    wanted = set(DEPENDENCIES) - set(EXTRAS["test"]) - from_pip
    assert wanted <= set(conda)
    assert {"pip", "c-compiler", "make"} <= set(conda)
    beside = set(conda) - wanted
    assert {each for each in beside if each.startswith("setuptools")} <= set(EXTRAS["test"])
    names = {re.split(r"[><=]", entry)[0] for entry in beside}
    assert names == {"python", "pip", "c-compiler", "make", "setuptools"}
    assert {"pip": ["-e .[test]"]} in environment["dependencies"]


def test_every_dependency_has_its_reason() -> None:
    """Each dependency in pyproject.toml says in one line what it is for."""
    text = (ROOT / "pyproject.toml").read_text()
    for dependency in DEPENDENCIES:
        assert re.search(rf'^ +"{re.escape(dependency)}", +# .+$', text, re.M), dependency


def test_constraints_pin_without_addresses() -> None:
    """constraints.txt pins every direct dependency and names no registry."""
    text = (ROOT / "constraints.txt").read_text()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in text.splitlines()}
    for dependency in DEPENDENCIES:
        assert re.split(r"[><=]", dependency)[0].lower().replace("_", "-") in pinned
    assert "://" not in text and " @ " not in text


def test_readme_has_the_two_commands() -> None:
    """The README's make commands are targets of the Makefile."""
    for target in re.findall(r"`?make (\w+)`?", README):
        assert re.search(rf"^{target}:", MAKEFILE, re.M), target
    assert {"lab", "test"} <= set(re.findall(r"^make (\w+)", README, re.M))


def test_readme_documents_every_command() -> None:
    """Each command of the command line is in the README, and the README invents none."""
    documented = set(re.findall(r"^prefault-kit (\w+)", README, re.M))
    assert documented == set(COMMANDS)


def test_readme_lists_every_notebook() -> None:
    """Each notebook is in the README's list, and the README lists no other."""
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"notebooks/([\w-]+\.ipynb)", README)) == notebooks


PICTURES = re.findall(r"!\[.*?\]\((.*?)\)", README)


def test_readme_pictures_exist() -> None:
    """What the README shows is there, and none too large."""
    for picture in PICTURES:
        assert 0 < (ROOT / picture).stat().st_size < 400_000


def test_readme_pictures_move() -> None:
    """The playground and a review, in more than five frames, as wide as a page of GitHub."""
    moving = [picture for picture in PICTURES if picture.endswith(".gif")]
    assert {Path(each).stem for each in moving} == {"playground", "review"}
    for each in moving:
        with Image.open(ROOT / each) as film:
            assert film.n_frames > 5
            assert film.width == 800


def test_no_machine_in_the_files() -> None:
    """No file names somebody's directories, and no notebook is too large for GitHub's view."""
    for path in TEXTS:
        text = str(numpy.load(path)["about"]) if path.suffix == ".npz" else path.read_text()
        if not path.is_relative_to(ROOT / "tests"):  # tests name directories that are nobody's
            named = re.search(r"/root/|/home/\w|/tmp/\w+/\w|/work/\w", text)
            assert not named, f"{path.relative_to(ROOT)}: {named}"
        if path.suffix == ".ipynb":
            assert path.stat().st_size < 300_000, path


def test_every_module_has_its_test() -> None:
    """tests mirrors prefault_kit, room by room: a module without a test file beside it is a gap."""
    missing = []
    for module in sorted((ROOT / "prefault_kit").glob("*/**/*.py")):
        place = module.parent.relative_to(ROOT / "prefault_kit")
        if module.name == "__init__.py" or place.as_posix() in UNTESTED:
            continue
        wanted = "*" if place.as_posix() in TESTED_TOGETHER else module.stem
        tests = ROOT / "tests" / place
        if not [*tests.glob(f"test_{wanted}.py"), *tests.glob(f"test_{wanted}_*.py")]:
            missing.append(f"{place}/{module.name}")
    assert missing == []


def test_the_package_is_its_rooms() -> None:
    """Beside the rooms there are its entrance and its command alone; the import check has all."""
    there = {path.name for path in (ROOT / "prefault_kit").iterdir()} - {"__pycache__"}
    assert there == {"__init__.py", "__main__.py", *ROOMS}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contracts["contracts"] if each["type"] == "layers")["layers"]
    assert sorted(room for layer in layers for room in layer.split(" | ")) == sorted(ROOMS)
    for room in ROOMS:
        assert (ROOT / "prefault_kit" / room / "__init__.py").exists()


def test_what_may_be_skipped_is_there() -> None:
    """Each entry of allowed_skips.toml names a test or a notebook that there is."""
    for entry in tomllib.loads((ROOT / "tests/allowed_skips.toml").read_text())["skip"]:
        path, _, name = entry["test"].partition("::")
        found = list(ROOT.glob(path))
        assert found, path
        function = re.match(r"\w+", name)
        if path.endswith(".py") and function:
            assert any(f"def {function[0]}(" in each.read_text() for each in found), name


def test_import_is_light() -> None:
    """`import prefault_kit` loads none of the big packages."""
    code = "import json, sys, prefault_kit; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=600
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"numpy", "bokeh", "ipywidgets", "pandas", "traitlets", "click", "rich"}


def test_public_names_are_few() -> None:
    """What the kit exports exists, and is not more than a reader can remember."""
    import prefault_kit

    assert all(hasattr(prefault_kit, name) for name in prefault_kit.__all__)
    assert len(prefault_kit.__all__) <= 20


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """What set-up needs, alone, in a path with spaces."""
    root = tmp_path / "a fresh clone"
    native = Path("prefault_kit", "kernel", "native")
    (root / native).mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "setup.py", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    for path in (ROOT / native).glob("*.[chp]*"):
        shutil.copy(path, root / native)
    return root


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "sudo apt install python3 python3-venv python3-dev"),
        ('case "$2" in *version_info*) exit 1;; esac', "Python 3.11 or later is needed"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "sudo apt install python3-venv"),
        ('case "$2" in *sysconfig*) echo /nowhere;; esac', "sudo apt install python3-dev"),
    ],
    ids=["no Python", "old Python", "no venv", "no headers"],
)
def test_setup_says_what_is_missing(
    bare_checkout: Path, tmp_path: Path, script: str | None, sentence: str
) -> None:
    """Where set-up cannot go on, it says in one sentence what to install, and makes nothing."""
    python = tmp_path / "python"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\nexit 0\n")
        python.chmod(0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={python}"],
        cwd=bare_checkout,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode != 0
    assert sentence in done.stderr
    assert not (bare_checkout / ".venv").exists()


def test_every_wait_for_a_process_has_a_limit() -> None:
    """Whatever hangs fails its own test, and ``make test`` ends."""
    unlimited = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if "process" in (text := path.read_text()):
            unlimited += [f"{path.name}: {call}" for call in unlimited_waits(text)]
    assert unlimited == []


def unlimited_waits(text: str) -> list[str]:
    """The calls that wait for a process as long as it takes."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            limited = {keyword.arg for keyword in node.keywords} & {"timeout", None}
            runs = called in ("subprocess.run", "subprocess.check_output", "subprocess.check_call")
            waits = called.endswith((".communicate", "process.wait")) and not node.args
            if (runs or waits) and not limited:
                found.append(f"line {node.lineno}: {called}")
    return found


def test_a_wait_without_a_limit_is_found() -> None:
    """Of each kind; one with a limit is not."""
    lines = ("subprocess.run([])", "subprocess.run([], timeout=1)", "self.process.wait()")
    assert unlimited_waits("\n".join(lines)) == [
        "line 1: subprocess.run",
        "line 3: self.process.wait",
    ]

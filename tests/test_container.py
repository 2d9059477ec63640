"""The container file: what it names is there, and it opens no more than it has to.

It is not built here, which takes a registry of images.
"""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.test_action import ACTION, SHIPPED

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text()
STAGES = [
    [
        line.partition(" ")[::2]
        for line in re.sub(r"\\\n\s*", "", stage).splitlines()
        if not line.startswith("#")
    ]
    for stage in re.split(r"^(?=FROM )", TEXT, flags=re.M)[1:]
]
"""Each stage's instructions: a name and its words."""
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def copied(stage: int) -> list[str]:
    """What a stage takes from the checkout."""
    found: list[str] = []
    for name, words in STAGES[stage]:
        if name == "COPY" and "--from=" not in words:
            sources = [each for each in shlex.split(words) if not each.startswith("--")]
            found += sources[:-1]
    return found


def values(stage: int, name: str) -> list[str]:
    """The words of each instruction of a name."""
    return [words for each, words in STAGES[stage] if each == name]


@pytest.mark.parametrize("source", [*copied(0), *copied(1)])
def test_what_is_copied_is_there(source: str) -> None:
    """In the checkout, and not kept from the builder, which is given nothing else."""
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_nothing_else_is_given_to_the_builder() -> None:
    """Neither an environment nor what was compiled for this machine."""
    assert "*" in IGNORED
    given = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    assert given == {*copied(0), *copied(1)}
    assert {"**/*.so", "**/__pycache__"} <= set(IGNORED[IGNORED.index("*") :])


def test_the_kit_is_built_from_what_the_action_is() -> None:
    """Of which another test builds it."""
    beside = {"action.yml", "constraints.txt"}
    assert set(copied(0)) == set(SHIPPED) - beside | {"prefault_kit"}


def test_one_python_for_everybody() -> None:
    """The container's in both stages, the action's and Binder's; the kit promises to run on it."""
    versions = set(re.findall(r"^FROM \S*/python:([\d.]+)-slim\b", TEXT, re.M))
    assert versions == {ACTION["inputs"]["python-version"]["default"]}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert {f"python={version}" for version in versions} <= {
        each for each in environment if isinstance(each, str)
    }


def test_it_has_the_screens() -> None:
    """From the wheel of the first stage, with an extra that there is, as pinned."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [installed] = [words for words in values(1, "RUN") if "pip install" in words]
    [extra] = re.findall(r"\.whl\)\[(\w+)\]", installed)
    assert any(each.startswith("jupyterlab>") for each in project["optional-dependencies"][extra])
    assert "--constraint /wheels/constraints.txt" in installed
    assert any("--from=wheel" in words for words in values(1, "COPY"))
    assert "AS wheel" in values(0, "FROM")[0]


def test_it_opens_on_a_notebook_with_its_token() -> None:
    """As an ordinary user; the only port is published on loopback by what people copy."""
    [command] = (json.loads(words) for words in values(1, "CMD"))
    [url] = [word for word in command if word.startswith("--LabApp.default_url=/lab/tree/")]
    assert (ROOT / url.partition("/lab/tree/")[2]).exists()
    assert "token" not in " ".join(command).lower()
    assert "password" not in " ".join(command).lower()
    assert values(1, "USER") == ["lab"]
    for text in (TEXT, (ROOT / "README.md").read_text()):
        published = re.findall(r"-p (\d\S+)", text)
        assert published
        assert set(published) == {f"127.0.0.1:8888:{port}" for port in values(1, "EXPOSE")}

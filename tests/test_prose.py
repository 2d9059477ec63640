"""The prose of texts and notebooks: spelled right, and nothing in it that proselint minds."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from proselint.checks import __register__
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from tests.test_commands_in_text import ROOT, TEXTS, text_of

LIMIT_S = 300
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def prose(path: Path) -> str:
    """Its paragraphs, apart, with a word of its own in place of each piece of code."""
    number = itertools.count()
    text = CODE.sub(lambda _: f"code{next(number)}", text_of(path))
    return text.replace("\n\n", "\n\n.\n\n")


def minded(text: str) -> list[str]:
    """What proselint says of a text."""
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(__register__)
    return [found.check_result.message for found in LintFile("text", text).lint()]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_proselint_minds_nothing(path: Path) -> None:
    """No cliché, no word that is said twice, none that is confused with another."""
    assert minded(prose(path)) == []


def test_proselint_is_asked() -> None:
    """It minds what it should."""
    assert minded("At the end of the day it is is very unique.\n")


def test_notebooks_are_spelled_right() -> None:
    """Their text; ``make check`` asks codespell of all files but them."""
    text = "\n\n".join(text_of(path) for path in TEXTS if path.suffix == ".ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert (done.returncode, done.stdout) == (0, "")

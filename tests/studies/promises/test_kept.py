"""Every promise, on every kind of memory and every disk file system that was lent: no surprise."""

from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.studies.promises import check, questions
from prefault_kit.studies.promises.checking import Question

ALL = questions()
OF_FILES = [each for each in ALL if each.kind.endswith("file")]
OF_MEMORY = [each for each in ALL if each not in OF_FILES]


def _id(question: Question) -> str:
    return f"{question.promise.id}-{question.kind}"


@pytest.mark.parametrize("question", OF_MEMORY, ids=_id)
def test_of_memory(question: Question) -> None:
    """It holds, is known to differ, or is not testable and says why."""
    verdict = check([question])[0]
    assert verdict.explained, verdict
    assert verdict.verdict == "holds" or verdict.reason


@pytest.mark.parametrize("question", OF_FILES, ids=_id)
def test_of_files(question: Question, disk_directory: Path) -> None:
    """The same of files, on each file system."""
    verdict = check([replace(question, directory=str(disk_directory))])[0]
    assert verdict.explained, verdict
    assert verdict.verdict == "holds" or verdict.reason


def test_on_overlay(overlay_directory: Path) -> None:
    """overlayfs hides its pages from cachestat; what can be shown there holds."""
    verdicts = check([replace(each, directory=str(overlay_directory)) for each in OF_FILES])
    assert [each for each in verdicts if not each.explained] == []
    assert {each.verdict for each in verdicts} >= {"holds", "not-testable"}

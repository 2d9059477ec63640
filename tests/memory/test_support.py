"""prefault_kit.memory.support: an advice judged by what it does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import support

FILTERED = str(Path(__file__).parents[1] / "filtered.py")
ADVICES = ("MADV_POPULATE_READ", "MADV_POPULATE_WRITE")
ASK = f"""
import json
from prefault_kit.memory import support
print(json.dumps([support.populate_refusal(advice) for advice in {ADVICES}]))
"""


@pytest.mark.parametrize("advice", ADVICES)
def test_the_probe_agrees_with_the_kernel(advice: str) -> None:
    """On a page of another mapping; what refuses has its errno."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        try:
            page.advise(advice)
            refused = None
        except OSError as error:
            refused = ERRNO_NAMES[error.errno or 0]
        assert page.pages().present == (0 if refused else 1)
    assert support.populate_refusal(advice) == refused


@pytest.mark.parametrize(
    ("name", "answer"), [("populate", "EINVAL"), ("pretend", "0, and maps nothing")]
)
def test_a_filter_is_seen_through(name: str, answer: str) -> None:
    """One that refuses, and one that answers 0 and does nothing."""
    done = subprocess.run(
        [sys.executable, FILTERED, name, sys.executable, "-c", ASK],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [answer, answer]

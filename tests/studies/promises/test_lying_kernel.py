"""A kernel that lies about an errno, a page or a byte is noticed: the promise differs, unexplained.

The lies are told by a library that is preloaded into the check and its worker, so that everything
of the kit is as it is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIES = {
    "sigbus-is-einval": "error-efault",
    "hole-is-efault": "error-enomem",
    "permission-is-eperm": "permission-none",
    "poison-is-efault": "error-ehwpoison",
    "errors-are-hidden": "prefix-end-of-file",
    "a-page-too-few": "prefix-protection",
    "read-writes": "read-zero-page",
    "write-reads": "write-makes-writable",
    "unaligned-is-fine": "error-unaligned",
    "nothing-is-an-error": "error-length",
    "half-of-it": "read-makes-readable",
    "a-byte-is-changed": "write-keeps-content",
    "discards-nothing": "discard-dontneed",
    "hints-populate": "willneed-is-a-hint",
    "locks-nothing": "lock-populates",
}
"""How it lies, and a promise that tells."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies."""
    made = tmp_path_factory.mktemp("lying") / "lying.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(made),
         str(HERE / "lying.c"), "-ldl"],
        check=True,
        timeout=60,
    )  # fmt: skip
    return made


def verdicts(library: Path, lie: str, promise: str) -> list[tuple[str, str | None]]:
    """What a check under a lying kernel says of a promise: verdict and reason."""
    done = subprocess.run(
        [sys.executable, "-m", "prefault_kit", "check", promise, "--json"],
        env=os.environ | {"LD_PRELOAD": str(library), "LIE": lie},
        cwd=library.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [(each["verdict"], each["reason"]) for each in json.loads(done.stdout)]


@pytest.mark.parametrize(("lie", "promise"), LIES.items(), ids=list(LIES))
def test_it_is_noticed(library: Path, lie: str, promise: str) -> None:
    """On some kind of memory that the promise is about."""
    assert ("differs", None) in verdicts(library, lie, promise)


def test_a_library_that_tells_the_truth_changes_nothing(library: Path) -> None:
    """What differs under a lie, differs because of it."""
    found = verdicts(library, "none", "error-*")
    assert ("differs", None) not in found
    assert ("holds", None) in found

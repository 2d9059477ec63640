"""A kernel that lies about an errno, a page or a byte is noticed: the promise differs, unexplained.

The lies are told by a library that is preloaded, so that everything of the kit is as it is.
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
TRUTH = "none"
ASK = """
import json, os, sys
from prefault_kit.studies.promises import PROMISES

found = {}
for lie, name in json.load(sys.stdin):
    os.environ["LIE"] = "none"  # what there is, is found out, and kept, from one that does not
    PROMISES[name].judge(next(iter(PROMISES[name].on)), ".")
    os.environ["LIE"] = lie
    verdicts = [PROMISES[name].judge(kind, ".") for kind in PROMISES[name].on]
    found[f"{lie} {name}"] = [(each.verdict, each.reason) for each in verdicts]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str | None]]]:
    """Verdict and reason on each kind of memory, by lie and promise: of all in one process."""
    place = tmp_path_factory.mktemp("lying")
    library = place / "lying.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(library),
         str(HERE / "lying.c"), "-ldl"],
        check=True,
        timeout=60,
    )  # fmt: skip
    asked = [*LIES.items(), *((TRUTH, promise) for promise in LIES.values())]
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(asked),
        env=os.environ | {"LD_PRELOAD": str(library)},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    verdicts: dict[str, list[list[str | None]]] = json.loads(done.stdout)
    return verdicts


@pytest.mark.parametrize(("lie", "promise"), LIES.items(), ids=list(LIES))
def test_it_is_noticed(found: dict[str, list[list[str | None]]], lie: str, promise: str) -> None:
    """On some kind of memory that the promise is about; without the lie on none."""
    assert ["differs", None] in found[f"{lie} {promise}"]
    assert ["differs", None] not in found[f"{TRUTH} {promise}"]

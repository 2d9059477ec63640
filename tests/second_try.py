"""Run pytest; the files in which something failed run again, one after another, and once more.

``python -m tests.second_try OPTIONS -- PATHS``. Tests ask the kernel of a machine that others share
what it did: a page that somebody evicts, a processor that somebody takes, is seen as a failure now
and then. What fails every time fails; what passed once is named. Whatever else ends a run (a skip
that is not listed, something left behind, an error of collection) has no second try.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAILED_CACHE = Path(".pytest_cache/v/cache/lastfailed")
LIMIT_S = 3600
TRIES = 3
MOST_FILES = 8
"""More than so many are no accident."""


def failed() -> list[str]:
    """The ids of what failed in the last run, as pytest keeps them."""
    try:
        return sorted(json.loads(FAILED_CACHE.read_text()))
    except FileNotFoundError:
        return []


def main(arguments: list[str]) -> int:
    """The exit status of pytest, of the last run if there were several; 0 if each has passed."""
    at = arguments.index("--")
    options, paths = arguments[:at], arguments[at + 1 :]
    FAILED_CACHE.unlink(missing_ok=True)
    status = _pytest(*options, *paths)
    left = failed()
    for number in range(2, TRIES + 1):
        files = sorted({each.partition("::")[0] for each in left})
        if status != pytest.ExitCode.TESTS_FAILED or not 0 < len(files) <= MOST_FILES:
            break
        print(f"\nTry {number}, for a machine that others share: {', '.join(files)}", flush=True)
        status = _pytest(*options, "-n", "0", "--dist", "no", *files)
        again = failed()
        for each in left:
            if each not in again:
                print(f"PASSED ONLY IN TRY {number} {each}")
        left = [each for each in left if each in again]
        if status == pytest.ExitCode.TESTS_FAILED and not left:
            status = pytest.ExitCode.OK  # what failed now had passed before
    return int(status)


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, check=False, timeout=LIMIT_S).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

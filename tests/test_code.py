"""The code is formatted, linted, typed, and its imports run one way: ``make check``."""

from __future__ import annotations

import subprocess

from tests.test_project import ROOT

LIMIT_S = 600


def test_the_code_is_as_it_should_be() -> None:
    """What ``make check`` says; it keeps one processor while other tests keep the other."""
    done = subprocess.run(
        ["make", "--no-print-directory", "check"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert not done.returncode, done.stdout

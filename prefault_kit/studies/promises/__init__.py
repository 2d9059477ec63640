"""The promises of MADV_POPULATE, each with its source, how it is shown, and a verdict.

A module a subject; the order here is the order of telling.
"""

# They enter their promises, in the order of telling
from prefault_kit.studies.promises import (  # isort: skip  # noqa: F401
    motivation,
    faulting,
    reading,
    writing,
    permissions,
    failures,
    zeropage,
    forking,
    dirtying,
    discarding,
    locking,
    residency,
    snapshots,
)
from prefault_kit.studies.promises.checking import Question, check, chosen, questions
from prefault_kit.studies.promises.promise import PROMISES, Promise, Verdict

__all__ = ["PROMISES", "Promise", "Question", "Verdict", "check", "chosen", "questions"]

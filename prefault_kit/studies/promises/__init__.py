"""The promises of MADV_POPULATE, each with its source, how it is shown, and a verdict.

One module per subject; the order here is the order of presentation.
"""

# Each module enters its promises, in the order of presentation
from prefault_kit.studies.promises import (  # isort: skip  # noqa: F401
    motivation,
    faulting,
    reading,
    writing,
    permissions,
    failures,
    holes,
    io_errors,
    zero_page_cost,
    forking,
    dirtying,
    discarding,
    sealing,
    droppable,
    locking,
    residency,
    snapshots,
)
from prefault_kit.studies.promises.checking import Question, check, chosen, questions
from prefault_kit.studies.promises.promise import PROMISES, Promise, Verdict

__all__ = ["PROMISES", "Promise", "Question", "Verdict", "check", "chosen", "questions"]

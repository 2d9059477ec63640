"""A kernel that lies about an errno, a page or a byte is noticed: the promise differs, unexplained.

The lies are told by a library that is preloaded, so that everything of the kit is as it is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefault_kit.kernel import pagemap, proc
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import PROMISES, zero_page_cost
from prefault_kit.studies.promises.ground import PAGES, Ground

HERE = Path(__file__).parent
LIES = (
    ("sigbus-is-einval", "error-efault"),
    ("hole-is-efault", "error-enomem"),
    ("permission-is-eperm", "permission-none"),
    ("poison-is-efault", "error-ehwpoison"),
    ("errors-are-hidden", "prefix-end-of-file"),
    ("a-page-too-few", "prefix-protection"),
    ("read-writes", "read-zero-page"),
    ("write-reads", "write-makes-writable"),
    ("unaligned-is-fine", "error-unaligned"),
    ("nothing-is-an-error", "error-length"),
    ("half-of-it", "read-makes-readable"),
    ("a-byte-is-changed", "write-keeps-content"),
    ("discards-nothing", "discard-dontneed"),
    ("hints-populate", "willneed-is-a-hint"),
    ("locks-nothing", "lock-populates"),
    ("a-failure-keeps-nothing", "error-io"),
    ("a-failed-read-keeps-nothing", "error-io"),
    ("a-failed-write-keeps-nothing", "error-io"),
    ("a-failed-read-keeps-nothing", "error-no-huge-page"),
    ("a-failed-write-keeps-nothing", "error-no-huge-page"),
    ("a-failed-read-keeps-nothing", "error-full-tmpfs"),
    ("a-failed-read-keeps-nothing", "error-ehwpoison"),
    ("read-of-a-hole-is-efault", "error-enomem"),
    ("read-does-nothing", "seal-populates"),
    ("read-does-nothing", "droppable-populates"),
    ("read-does-nothing", "permission-own-process"),
    ("read-does-nothing", "soft-dirty"),
    ("the-first-page-alone", "discard-page-tables"),
    ("nothing-is-kept", "huge-64-kib"),
)
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
    asked = [*LIES, *((TRUTH, promise) for promise in dict.fromkeys(name for _, name in LIES))]
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(asked),
        env=os.environ | {"LD_PRELOAD": str(library)},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr == ""
    verdicts: dict[str, list[list[str | None]]] = json.loads(done.stdout)
    return verdicts


@pytest.mark.parametrize(("lie", "promise"), LIES, ids=[f"{lie}-{name}" for lie, name in LIES])
def test_it_is_noticed(found: dict[str, list[list[str | None]]], lie: str, promise: str) -> None:
    """On some kind of memory that the promise is about; without the lie on none."""
    truth = found[f"{TRUTH} {promise}"]
    if all(verdict == "not-testable" for verdict, _ in truth):
        pytest.skip(f"{promise}: {truth[0][1]}")
    assert ["differs", None] in found[f"{lie} {promise}"]
    assert ["differs", None] not in truth


# Two of them few kernels can show: these are shown on one that seems to have what they need.


def test_soft_dirty_looks_at_what_is_present(monkeypatch: pytest.MonkeyPatch) -> None:
    """READ that does nothing leaves no page soft-dirty either."""
    promise, kind = PROMISES["soft-dirty"], "private anon"
    ground = Ground.find(kind, ".")
    assert isinstance(ground, Ground)
    monkeypatch.setattr(proc, "clear_soft_dirty", lambda: None)
    monkeypatch.setattr(pagemap, "SOFT_DIRTY", 1 << 56)  # a page that nobody else has
    assert promise.show(ground) == promise.on[kind]
    monkeypatch.setattr(Mapping, "populate_read", lambda _: Work())
    assert promise.show(ground) == f"0 of {PAGES} pages present"


def test_huge_64_kib_looks_at_what_is_present(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults alone could have been for anything."""
    promise, kind = PROMISES["huge-64-kib"], "private anon"
    ground = Ground.find(kind, ".")
    assert isinstance(ground, Ground)
    small = zero_page_cost.SMALL // zero_page_cost.RANGES
    real = Mapping.populate_write

    def folio(memory: Mapping, kept: bool) -> Work:
        real(memory)
        if not kept:
            memory.advise("MADV_DONTNEED")
        return Work(minor_faults=1 if memory._thp else small)

    monkeypatch.setattr(Mapping, "populate_write", lambda memory: folio(memory, True))
    assert promise.show(ground) == promise.on[kind]
    monkeypatch.setattr(Mapping, "populate_write", lambda memory: folio(memory, False))
    few = f"for 0 of {zero_page_cost.SMALL} pages"
    assert promise.show(ground) == (
        f"advised: {zero_page_cost.RANGES} faults {few}; else {zero_page_cost.SMALL} {few}"
    )

"""prefault_kit.kernel.tracer, held against a program that is always there: Python.

No compiler is needed, so this runs on every kernel and processor on which the kit's tests do.
"""

from __future__ import annotations

import os
import sys

import pytest

from prefault_kit.host import features
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.tracer import Rule, Tracer

pytestmark = pytest.mark.needs("tracing")

PAGES = 512
FEW = 64
"""More faults than Python takes for other reasons, and less than a touch of every page does."""
PROGRAM = f"""
import mmap, os, resource, sys, threading

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    memory = mmap.mmap(-1, {PAGES * PAGE}, flags=mmap.MAP_PRIVATE)
    before = faults()
    for at in range(0, len(memory), {PAGE}):
        memory[at] = 1
    print(faults() - before, flush=True)

work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
if os.fork() == 0:
    work()
    os._exit(0)
os.wait()
sys.exit(5)
"""


@pytest.mark.parametrize("given", [True, False])
def test_pages_that_were_put_in_take_no_fault(given: bool) -> None:
    """In the first thread, in another, and in a child; the program goes on to its own end."""
    advices = ("MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE") if given else ("MADV_NOHUGEPAGE",)
    rule = Rule(advices, least_bytes=PAGES * PAGE, most_bytes=PAGES * PAGE, access="w")
    reader, writer = os.pipe()
    command = [sys.executable, "-c", PROGRAM]
    with Tracer(command, [rule], streams=(-1, writer, 2)) as running:
        assert running.wait(600)
    os.close(writer)
    with os.fdopen(reader) as said:
        counts = [int(line) for line in said]
    assert running.end().status == 5
    there = features.populate("MADV_POPULATE_WRITE") is None  # not before Linux 5.14
    assert [count < FEW for count in counts] == [given and there] * 3
    injected = [each for event in running.events() for each in event.injected]
    errors = {each.errno for each in injected if each.advice == "MADV_POPULATE_WRITE"}
    assert errors == ({None if there else "EINVAL"} if given else set())

"""prefault_kit.studies.trial.by_hand: advice from inside, on the mappings that are meant."""

import subprocess
from pathlib import Path

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.notebook import small_program
from prefault_kit.studies.trial import by_hand

pytestmark = [pytest.mark.needs("compiler"), pytest.mark.needs("fault_events")]
TOUCHED = small_program.TOUCHED_BYTES // PAGE_SIZE_BYTES


def faults(
    library: Path, advices: list[str], least_bytes: int, access: str, program: str | None = None
) -> int:
    """What the small program takes, with a library before it."""
    program = program or small_program.compiled()
    command = by_hand.carried_out([program], library, advices, least_bytes, access)
    with FaultStream.of_program() as stream:
        assert subprocess.run(command, check=False, timeout=60).returncode == 0
        return len(stream.read())


def test_each_mapping_that_is_large_enough_gets_it(tmp_path: Path) -> None:
    """Populated for writing it has no fault left; a smaller one, or no advice, has them all."""
    library = by_hand.library(tmp_path)
    size = small_program.SIZE_BYTES
    assert faults(library, ["MADV_POPULATE_WRITE"], size, "w") < TOUCHED
    assert faults(library, ["MADV_POPULATE_WRITE"], size + 1, "w") > TOUCHED
    assert faults(library, ["MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE"], size, "r") < TOUCHED


@pytest.mark.parametrize("call", ["malloc(size)", "calloc(4, size / 4)"])
def test_what_is_allocated_gets_it(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is large enough; in whole pages, for nothing but it may be on them."""
    head, _, tail = small_program.SOURCE.partition("mmap(NULL")
    source = "#include <stdlib.h>\n" + head + call + tail[tail.index(";") :]
    monkeypatch.setattr(small_program, "SOURCE", source)
    program = small_program.compiled()
    library = by_hand.library(tmp_path)
    size = small_program.SIZE_BYTES
    advices = ["MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE"]
    assert faults(library, advices, size, "w", program) < TOUCHED
    assert faults(library, advices, size + 1, "w", program) > TOUCHED


def test_it_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler; where gcc refuses, with what it said."""
    monkeypatch.setattr(by_hand, "SOURCE", "no C")
    with pytest.raises(OSError, match="could not be compiled: "):
        by_hand.library(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = by_hand.why_not()
    assert isinstance(missing, Unavailable)
    assert missing.command == "sudo apt install gcc"


@pytest.mark.parametrize("name", ["a blank", "a:colon"])
def test_what_cannot_be_preloaded_is_refused(name: str, tmp_path: Path) -> None:
    """ld.so would go on without it, and the trial would be of nothing."""
    with pytest.raises(OSError, match="LD_PRELOAD takes no blank or colon"):
        by_hand.library(tmp_path / name)

"""prefault_kit.studies.kernels.guest: a real QEMU, and kernels of a few instructions."""

import contextlib
import errno
import os
import platform
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from prefault_kit.studies.kernels import guest, initramfs
from prefault_kit.studies.kernels.architecture import AARCH64, ARCHITECTURES, S390X
from prefault_kit.studies.kernels.guest import Guest, GuestError, Outcome

pytestmark = [
    pytest.mark.needs("qemu"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="guests are x86-64 as yet"),
]
SAYING = r"""
.set magic, 0x1badb002
.long magic, 0, -magic
.globl _start
_start:
    mov $text, %esi
    mov $0x3f8, %dx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  {end}
    jmp 2b
text: .asciz "one\r\nBEGUN\r\nKernel panic: {words}\r\n"
"""
"""A kernel that says something on the serial line, and then halts or reboots."""
HALT, REBOOT = "hlt", "mov $0xfe, %al\n    out %al, $0x64"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that no such kernel looks at."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "busybox").write_bytes(b"")
    (tmp_path / "root" / "root.img").write_bytes(bytes(1 << 20))
    return tmp_path / "root" / "root.img"


def kernel(place: Path, end: str) -> Guest:
    """Assemble one."""
    (place / "kernel.S").write_text(SAYING.format(end=end, words="no, not this"))
    subprocess.run(
        ["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x100000,--build-id=none",
         "-o", "kernel", "kernel.S"],
        cwd=place,
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return Guest(place / "kernel", place)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where guests of these tests have their disks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def guests(place: Path) -> list[str]:
    """QEMUs that run with disks there."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = command.read_bytes().decode(errors="replace")
            if words.startswith("qemu-system-") and str(place) in words:
                found.append(words)
    return found


def test_a_kernel_that_hangs_ends_at_its_limit(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the last lines that it said, and no QEMU is left."""
    said: list[str] = []
    hours = [0]

    def hear(line: str) -> None:
        said.append(line)
        hours[0] += line.startswith("Kernel panic")  # pass, as the clock says

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * hours[0], sleep=time.sleep)
    monkeypatch.setattr(guest, "time", clock)
    outcome = kernel(tmp_path, HALT).run(root, "true", accelerator="tcg", limit_s=600, tell=hear)
    assert outcome.status is None
    assert outcome.elapsed_s >= 600
    assert not outcome.refused
    assert outcome.tail[-1] == "Kernel panic: no, not this"
    assert said == ["one", "BEGUN", "Kernel panic: no, not this"]
    assert outcome.files == {}
    assert guests(tmp_path) == []


def test_one_that_reboots_has_ended(tmp_path: Path, root: Path) -> None:
    """As a kernel does that panics: long before its limit."""
    outcome = kernel(tmp_path, REBOOT).run(root, "true", accelerator="tcg", limit_s=600)
    assert outcome.status is None
    assert not outcome.refused
    assert outcome.elapsed_s < 600
    assert "Kernel panic: no, not this" in outcome.tail


def test_what_is_no_kernel_is_told_by_qemu(tmp_path: Path, root: Path) -> None:
    """In the last lines."""
    (tmp_path / "kernel").write_bytes(b"no kernel" * 1000)
    outcome = Guest(tmp_path / "kernel", tmp_path).run(root, "true", accelerator="tcg")
    assert outcome.status is None
    assert outcome.refused
    assert "kernel" in " ".join(outcome.tail)


def test_without_qemu_it_says_so(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GuestError, match="sudo apt install qemu-system-x86"):
        Guest(tmp_path, tmp_path).run(root, "true")
    with pytest.raises(GuestError, match="sudo apt install qemu-system-arm"):
        Guest(tmp_path, tmp_path, AARCH64).run(root, "true")


def test_ctrl_c_ends_the_guest(tmp_path: Path, root: Path) -> None:
    """As any error does."""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernel(tmp_path, HALT).run(root, "true", accelerator="tcg", tell=interrupt)
    assert guests(tmp_path) == []


def test_the_job_has_the_kit_and_nothing_of_this_host(tmp_path: Path) -> None:
    """Its C, its version, its data, the script; no link to what a guest has not; no user's name."""
    guest._pack(tmp_path / "job", "echo hello\n", None)
    with tarfile.open(tmp_path / "job") as job:
        entries = {entry.name: entry for entry in job}
        script = job.extractfile("run")
        assert script and script.read() == b"echo hello\n"
    assert {"pyproject.toml", "tests/conftest.py"} <= set(entries)
    assert any(name.endswith("_prefault.abi3.so") for name in entries)
    assert any(name.endswith(".dist-info/METADATA") for name in entries)
    assert any(name.startswith("prefault_kit/studies/kernels/records/") for name in entries)
    assert not any(entry.issym() or entry.islnk() for entry in entries.values())
    assert not any("__pycache__" in name for name in entries)
    assert {(entry.uid, entry.uname) for entry in entries.values()} == {(0, "")}


def test_results_are_read_from_the_disk(tmp_path: Path) -> None:
    """As far as they are whole; an empty disk has none."""
    disk = tmp_path / "disk"
    with tarfile.open(disk, "w") as archive:
        for name, content in (("./status", b"0\n"), ("./said", b"x" * 5000)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    os.truncate(disk, 1 << 20)
    assert guest._unpack(disk) == {"status": b"0\n", "said": b"x" * 5000}
    disk.write_bytes(bytes(1 << 20))
    assert guest._unpack(disk) == {}


def test_kvm_is_tried_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """And never where another was chosen."""
    here, other = ARCHITECTURES[platform.machine()], S390X
    for may, tried in ((True, ["kvm", "tcg"]), (False, ["tcg"])):
        monkeypatch.setattr(os, "access", lambda *_, may=may: may)
        assert guest._accelerators("auto", here) == tried
        assert guest._accelerators("auto", other) == ["tcg"]
        assert guest._accelerators("kvm", here) == ["kvm"]


def test_one_that_fails_on_kvm_is_emulated(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ended is not asked again; of two that did not, the emulated one is told."""

    def boot(_: Guest, __: Path, ___: Path, accelerator: str, *____: object) -> Outcome:
        asked.append(accelerator)
        return Outcome(accelerator, 1.0, answers[accelerator], {})

    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(Guest, "_boot", boot)
    one = Guest(tmp_path, tmp_path / "root", ARCHITECTURES[platform.machine()])
    answers: Mapping[str, int | None]
    for answers, tried in (
        ({"kvm": None, "tcg": 0}, ["kvm", "tcg"]),
        ({"kvm": 1}, ["kvm"]),
        ({"kvm": None, "tcg": None}, ["kvm", "tcg"]),
    ):
        asked: list[str] = []
        outcome = one.run(root, "true")
        assert asked == tried
        assert outcome == Outcome(tried[-1], 1.0, answers[tried[-1]], {})


@pytest.mark.parametrize(("says", "sleeps_s", "passed_s"), [("one", 300, 2), ("BEGUN", 5, 5)])
def test_a_guest_that_does_not_begin_ends_early(
    says: str,
    sleeps_s: int,
    passed_s: int,
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nested KVM may hang; one whose work has begun has the whole of its limit."""
    program = ["sh", "-c", f"echo {says}; exec sleep {sleeps_s}"]
    monkeypatch.setattr(Guest, "_command", lambda *_: program)
    monkeypatch.setitem(guest.BEGIN_S, "tcg", 2)
    outcome = Guest(tmp_path, tmp_path / "root").run(root, "true", accelerator="tcg", limit_s=200)
    assert (outcome.status, outcome.refused) == (None, False)
    assert passed_s <= outcome.elapsed_s < 200


def test_a_guest_that_had_begun_was_not_refused(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though QEMU failed afterwards; one that fails before was."""
    for says, refused in (("BEGUN", False), ("invalid kernel header", True)):
        program = ["sh", "-c", f"echo {says}; exit 1"]
        monkeypatch.setattr(Guest, "_command", lambda *_, program=program: program)
        outcome = Guest(tmp_path, tmp_path / "root").run(root, "true", accelerator="tcg")
        assert (outcome.refused, outcome.tail) == (refused, (says,))


def test_no_guest_writes_to_the_root(tmp_path: Path) -> None:
    """Its disk is a snapshot, the job can be read alone, and a comma ends no path."""
    one = Guest(tmp_path / "kernel,1", tmp_path)
    words = one._command(tmp_path / "a,b", tmp_path / "r,t.img", "tcg")
    drives = {
        drive.rpartition("=")[2]: drive.partition(",format=raw")[0]
        for word, drive in pairwise(words)
        if word == "-drive"
    }
    assert drives == {
        "root": f"file={tmp_path}/r,,t.img,snapshot=on",
        "job": f"file={tmp_path}/a,,b/job,readonly=on",
        "result": f"file={tmp_path}/a,,b/result",
    }
    assert str(tmp_path / "kernel,1") in words  # which is a word of its own


def test_a_place_without_room_for_its_disks_is_told(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what chooses another."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(guest, "_pack", full)
    with pytest.raises(GuestError, match=r"\(no space left on device\): set TMPDIR to another"):
        Guest(tmp_path, tmp_path / "root").run(root, "true")


def test_a_guest_has_a_network_only_if_it_is_given_one(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its driver."""

    def build(*given: Iterable[str]) -> bytes:
        wanted.extend(given[-1])
        return b""

    monkeypatch.setattr(initramfs, "build", build)
    monkeypatch.setattr(Guest, "_boot", lambda *_: Outcome("tcg", 1.0, 0, {}))
    for network in ((), ("-netdev", "stream,id=one")):
        wanted: list[str] = []
        one = Guest(tmp_path, tmp_path, network=network)
        one.run(root, "true")
        assert ("virtio_net" in wanted) == bool(network)
        words = one._command(tmp_path, root, "tcg")
        assert "-nodefaults" in words
        assert ("-netdev" in words) == bool(network)


def test_packages_of_its_own_are_packed(tmp_path: Path) -> None:
    """Beside the kit, from where it imports."""
    (tmp_path / "packages" / "dask").mkdir(parents=True)
    (tmp_path / "packages" / "dask" / "__init__.py").write_text("")
    guest._pack(tmp_path / "job", "true", None, tmp_path / "packages")
    with tarfile.open(tmp_path / "job") as job:
        names = {name.removeprefix("./") for name in job.getnames()}
    assert {"dask/__init__.py", "prefault_kit/__init__.py"} <= names


def test_another_processor_gets_its_own_c(tmp_path: Path) -> None:
    """In place of this host's."""
    (tmp_path / "c.so").write_bytes(b"for another")
    guest._pack(tmp_path / "job", "true", tmp_path / "c.so")
    with tarfile.open(tmp_path / "job") as job:
        library = job.extractfile(f"{guest.PLACE}/{guest.COMPILED}")  # the last one of that name
        assert library and library.read() == b"for another"


def test_a_kernel_that_fails_is_told_from_where_it_says_so() -> None:
    """Not by the end of its list of registers; one that ends otherwise by its last lines."""
    registers = [f"R{number}: 0" for number in range(40)]
    failed = ["fine", "BUG: unable to handle page fault", "RIP: 0010:rt_spin_lock", *registers]
    tail = guest._tail(["earlier", "still earlier", *failed])
    assert tail[:4] == ("still earlier", *failed[:3])
    assert tail[-2:] == ("...", "R39: 0")
    assert guest._tail(registers) == tuple(registers[-guest.TAIL_LINES :])
    assert guest._tail(["one", "Kernel panic - not syncing"])[-1] == "Kernel panic - not syncing"


def test_a_line_is_heard_when_it_is_whole(tmp_path: Path) -> None:
    """And once."""
    console, known = tmp_path / "console", list[str]()
    heard = []
    for text in ("one\r\nPREFAULT_STEP 0.5 promi", "ses: 1 of 2\r\n", ""):
        with console.open("a", newline="") as out:
            out.write(text)
        heard.append(guest._new_lines(console, known))
    assert heard == [["one"], ["PREFAULT_STEP 0.5 promises: 1 of 2"], []]

"""prefault_kit.studies.promises.needs: on a poor host nothing differs without a reason."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import Unavailable, thp
from prefault_kit.kernel import cgroup
from prefault_kit.studies.promises import PROMISES, needs
from prefault_kit.studies.promises.ground import Ground
from tests.cli.command import COMMAND, PATIENCE_S

FILTERED = str(Path(__file__).parents[2] / "filtered.py")
Verdicts = list[dict[str, Any]]
WITHOUT_ADVICE = [
    "map-populate-hides-errors",
    "map-populate-only-reads",
    "fallocate-maps-nothing",
    "fallocate-private-twice",
    "willneed-is-a-hint",
    "fault-first-touch",
    "fault-around",
    "error-unknown-advice",
    "discard-dontneed",
    "discard-remove",
    "discard-punch-hole",
    "discard-free",
    "lock-populates",
    "lock-writes-private",
    "lock-reads-shared",
    "resident-unmapped-cache",
    "snapshot-unpopulated",
    "snapshot-kernel",
]
"""The promises that need neither advice."""


def checked(*before: str, ids: tuple[str, ...] = (), **environment: str) -> Verdicts:
    """What ``check`` says behind the command ``before``; nothing differs without a reason."""
    done = subprocess.run(
        [*before, COMMAND, "check", *ids, "--json"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,  # everything, on a machine that others use too
        env=os.environ | environment,
    )
    verdicts: Verdicts = json.loads(done.stdout)
    unexplained = [each for each in verdicts if each["verdict"] == "differs" and not each["reason"]]
    assert unexplained == []
    assert (done.returncode, done.stderr) == (0, "")
    return verdicts


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("populate", "EINVAL"),
        ("pretend", "0, and maps nothing"),
    ],
)
def test_a_kernel_without_the_advice(name: str, answer: str, tmp_path: Path) -> None:
    """What needs the advice says that it is missing; what does not is judged as ever."""
    verdicts = checked(sys.executable, FILTERED, name, ids=("--dir", str(tmp_path)))
    lacking = [each for each in verdicts if "MADV_POPULATE" in (each["reason"] or "")]
    small = {each["id"] for each in lacking if not each["backing"].endswith("hugetlb")}
    assert small == {
        promise.id
        for promise in PROMISES.values()
        if promise.id not in WITHOUT_ADVICE and not all("hugetlb" in kind for kind in promise.on)
    }
    for each in lacking:
        assert each["verdict"] == "not-testable"
        assert f"answers {answer} where it should work" in each["reason"]
        assert "older than Linux 5.14" in each["reason"]
    without = [each for each in verdicts if each["id"] in WITHOUT_ADVICE]
    assert {each["verdict"] for each in without} <= {"holds", "not-testable"}
    of_memory = [each for each in without if each["backing"] in ("private anon", "shared memfd")]
    judged = [each for each in of_memory if not each["id"].startswith(("snapshot-", "lock-"))]
    assert {each["verdict"] for each in judged} == {"holds"}


@pytest.mark.parametrize("answer", ["ENOSYS", "EPERM"])
def test_another_answer_is_named(answer: str) -> None:
    """A sandbox may refuse the advice with an errno of its own."""
    verdicts = checked(sys.executable, FILTERED, f"populate-{answer}", ids=("write-breaks-cow",))
    assert verdicts
    for each in verdicts:
        assert each["verdict"] == "not-testable"
        assert f"answers {answer} where it should work" in each["reason"]


@pytest.mark.parametrize(
    ("call", "since", "ids"),
    [("mseal", "6.10", "seal-*"), ("process_madvise", "5.10", "permission-*process")],
)
def test_a_kernel_without_a_system_call(call: str, since: str, ids: str) -> None:
    """What needs the call says that it is missing, and since when kernels have it."""
    for each in checked(sys.executable, FILTERED, call, ids=(ids,)):
        assert each["verdict"] == "not-testable"
        assert f"{call} answers ENOSYS where it should work" in each["reason"]
        assert f"older than Linux {since}" in each["reason"]


@pytest.mark.needs("own_mounts")
def test_an_empty_sys(namespace: Callable[[str], list[str]], tmp_path: Path) -> None:
    """Where /sys is hidden, huge pages cannot be counted, and the rest is judged."""
    verdicts = checked(*namespace("mount -t tmpfs none /sys"), ids=("--dir", str(tmp_path)))
    huge = [each for each in verdicts if each["backing"].endswith("hugetlb")]
    assert huge
    assert all("/sys is hidden" in each["reason"] for each in huge)
    assert "holds" in {each["verdict"] for each in verdicts if each["id"] == "write-breaks-cow"}


HIDING = """
import builtins, errno, os
HIDDEN = ("/proc/self/pagemap", "/proc/self/smaps")
def hidden(call):
    def opened(path, *words, **known):
        if path in HIDDEN:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return call(path, *words, **known)
    return opened
builtins.open, os.open = hidden(builtins.open), hidden(os.open)
"""
"""A kernel without CONFIG_PROC_PAGE_MONITOR, which cannot be had without booting one."""


def test_a_kernel_without_page_monitor(tmp_path: Path) -> None:
    """Without pagemap and smaps, what an errno or a fault shows is judged all the same."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH")]
    verdicts = checked(
        ids=("--dir", str(tmp_path)), PYTHONPATH=os.pathsep.join(filter(None, paths))
    )
    named = {each["id"]: each for each in verdicts if each["backing"] == "private anon"}
    assert named["permission-r"]["verdict"] == named["error-unaligned"]["verdict"] == "holds"
    assert "/proc/self/pagemap cannot be read" in named["prefix-protection"]["reason"]
    assert "/proc/self/smaps cannot be read" in named["dirty-page-table"]["reason"]


def _small_cgroup() -> Path:
    """A memory cgroup of 64 MiB below this process's own; skips where none may be made."""
    for version, level in cgroup.own_directories("memory"):
        made = level / f"prefault-tests-{os.getpid()}"
        limit = made / ("memory.limit_in_bytes" if version == 1 else "memory.max")
        try:
            made.mkdir()
        except OSError:
            continue
        if limit.exists():
            limit.write_text(str(64 << 20))
            return made
        made.rmdir()
    pytest.skip("needs a memory cgroup that may be written")


def _remove(group: Path) -> None:
    """Remove a cgroup; what was killed in it may take a moment to be gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.mark.needs("root")
def test_a_small_memory_cgroup(tmp_path: Path) -> None:
    """In 64 MiB what takes more is not shown, and what fits is judged."""
    group = _small_cgroup()
    try:
        enter = ["sh", "-c", f'echo $$ > "{group}/cgroup.procs"; exec "$@"', "sh"]
        verdicts = checked(*enter, ids=("f*", "oom-*", "write-*", "--dir", str(tmp_path)))
    finally:
        _remove(group)
    named = {each["id"]: each for each in verdicts if each["backing"] == "private anon"}
    assert "the memory cgroup of this process" in named["fault-lock"]["reason"]
    assert named["write-makes-writable"]["verdict"] == "holds"


@contextmanager
def _file_system(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An ext4 of 64 MiB in a file, and the command that mounts it; nothing of it is left."""
    image, point = tmp_path / "image", tmp_path / "disk"
    point.mkdir()
    with image.open("xb") as out:
        out.truncate(64 << 20)
    made = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if not made or not Path("/dev/loop-control").exists():
        pytest.skip("needs mkfs.ext4 and loop devices")
    subprocess.run([made, "-q", "-F", str(image)], check=True, timeout=PATIENCE_S)
    yield point, f"mount -o loop {image} {point}"


@pytest.mark.needs("root")
def test_a_full_disk(namespace: Callable[[str], list[str]], tmp_path: Path) -> None:
    """What fills a file says that there is no room; what needs none is judged."""
    with _file_system(tmp_path) as (point, mount):
        fill = f"{mount} && ! head -c 80M /dev/zero > {point}/full 2>/dev/null"
        ids = ("fault-*", "read-keeps-cow", "error-*", "--dir", str(point))
        verdicts = checked(*namespace(fill), ids=ids)
    named = {(each["id"], each["backing"]): each for each in verdicts}
    for name in ("fault-major", "read-keeps-cow"):
        assert "are needed on the disk" in named[name, "private file on ext4"]["reason"]
    assert named["error-efault", "private file on ext4"]["verdict"] == "holds"


ANON = Ground.find("private anon", ".")


def test_a_window_of_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """On pages of 64 KiB a fault-around window is one page: nothing can be shown around it."""
    assert isinstance(ANON, Ground)
    monkeypatch.setattr(needs, "FAULT_AROUND_PAGES", 1)
    missing = needs.fault_around(ANON)
    assert missing is not None
    assert "that is one page here" in missing.reason


def test_memory_beyond_the_ground() -> None:
    """A promise that takes more than its ground asks for as much."""
    assert isinstance(ANON, Ground)
    assert needs.memory(lambda ground: ground.size_bytes)(ANON) is None
    assert isinstance(needs.memory(lambda _: 1 << 50)(ANON), Unavailable)


def test_huge_pages_of_64_kib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Off by default: the command that switches them on is named; older kernels have none."""
    assert isinstance(ANON, Ground)
    asked = needs.folios_of(1 << 16)
    monkeypatch.setattr(thp, "SETTINGS", tmp_path)
    (tmp_path / "hpage_pmd_size").write_text("2097152")
    (tmp_path / "enabled").write_text("always [madvise] never")
    missing = asked(ANON)
    assert missing is not None
    assert "older than Linux 6.8" in missing.reason
    own = tmp_path / "hugepages-64kB"
    own.mkdir()
    for setting, there in (("never", False), ("madvise", True), ("inherit", True)):
        (own / "enabled").write_text(f"always inherit [{setting}] other")
        missing = asked(ANON)
        assert (missing is None) == there
    (own / "enabled").write_text("always inherit madvise [never]")
    missing = asked(ANON)
    assert missing is not None
    assert missing.command == f"echo madvise | sudo tee {own / 'enabled'}"


def test_pages_that_cannot_be_soft_dirty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a written page does not become soft-dirty, and where nobody may ask for it."""
    assert isinstance(ANON, Ground)
    for answer, reason in (("not set", "CONFIG_MEM_SOFT_DIRTY"), ("EACCES", "(EACCES)")):
        monkeypatch.setattr(needs, "told", lambda _, answer=answer: answer)
        missing = needs.soft_dirty(ANON)
        assert missing is not None
        assert reason in missing.reason


def test_the_huge_zero_page_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then READ maps small ones, and the command that switches it on is named."""
    assert isinstance(ANON, Ground)
    monkeypatch.setattr(thp, "SETTINGS", tmp_path)
    (tmp_path / "use_zero_page").write_text("0")
    missing = needs.huge_zero_page(ANON)
    assert missing is not None
    assert missing.command == f"echo 1 | sudo tee {tmp_path / 'use_zero_page'}"

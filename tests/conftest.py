"""What all tests share: what this host lends them, and the rule that nothing is skipped unseen.

``PREFAULT_TEST_DIRS`` names directories on file systems that were mounted for the tests, as
``ext4=/a:xfs=/b:btrfs=/c:overlay=/d:tmpfs_small=/e:hugetlbfs=/f``. Without it the tests of a disk
run in pytest's temporary directory, and those of the others are skipped, which in CI
(``PREFAULT_CI``) fails the run unless ``allowed_skips.toml`` gives a reason.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import importlib.util
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import features, thp
from prefault_kit.kernel import folios, hugepages, mounts, pagemap
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.tracer import Tracer
from prefault_kit.memory import small_tmpfs
from prefault_kit.studies import promises, qemu

HERE = Path(__file__).parent
DIRECTORIES = {
    name: Path(path)
    for name, _, path in (
        entry.partition("=")
        for entry in os.environ.get("PREFAULT_TEST_DIRS", "").split(":")
        if entry
    )
}
DISKS = [name for name in ("ext4", "xfs", "btrfs") if name in DIRECTORIES] or ["here"]
OTHERWISE = "otherwise here"
"""How notebooks/conftest.py marks a cell or a row that is not as stored."""
RUN_MARK = f"PREFAULT_TEST_RUN={os.getpid()}-{secrets.token_hex(8)}".encode()
"""What the environment of every process that these tests start has in it."""
SHARED = "/dev/shm"
"""Where files in memory lie that have a name."""
UNTIDY = 8
"""The exit status of a run that left something behind or skipped unseen; not one of pytest's."""
HUGE_PAGES = 8
"""How many free huge pages the tests of hugetlb want."""


@functools.cache
def _frames() -> bool:
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as memory:
        memory.touch_write()
        return folios.spans(pagemap.entries(*memory.span())) is not None


def _huge_pages() -> bool:
    size = hugepages.default_size_bytes()
    return size is not None and hugepages.pools()[size].available >= HUGE_PAGES


@functools.cache
def _own_mounts() -> bool:
    try:
        os.close(small_tmpfs.file(1 << 16, 1 << 16))
    except OSError:
        return False
    return True


@functools.cache
def _tracing() -> bool:
    try:
        with Tracer(["true"]) as running:
            return running.wait(60)
    except OSError:
        return False


@functools.cache
def _major_faults() -> bool:
    """Whether populating what is on disk alone is counted as major faults."""
    asked = promises.questions(["fault-major"])
    return {each.verdict for each in promises.check(asked)} == {"holds"}


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "hugetlb": (_huge_pages, f"{HUGE_PAGES} free huge pages: sudo sysctl vm.nr_hugepages=64"),
    "hugetlbfs": (lambda: "hugetlbfs" in DIRECTORIES, "hugetlbfs in PREFAULT_TEST_DIRS"),
    "overlay": (lambda: "overlay" in DIRECTORIES, "overlay in PREFAULT_TEST_DIRS"),
    "small_tmpfs": (lambda: "tmpfs_small" in DIRECTORIES, "tmpfs_small in PREFAULT_TEST_DIRS"),
    "thp": (
        lambda: thp.size_bytes() is not None,
        "a kernel with transparent huge pages",
    ),
    "root": (lambda: os.geteuid() == 0, "root"),
    "frames": (_frames, "the privilege to see frame numbers (CAP_SYS_ADMIN) and /proc/kpageflags"),
    "ordinary_user": (lambda: os.geteuid() != 0, "an ordinary user"),
    "own_mounts": (_own_mounts, "root, or user namespaces for everybody"),
    "fault_events": (
        lambda: features.fault_events() is None,
        "sudo sysctl kernel.perf_event_paranoid=2",
    ),
    "cachestat": (lambda: features.cachestat() is None, "Linux 6.5"),
    "pagemap_scan": (lambda: features.pagemap_scan() is None, "Linux 6.7"),
    "major_faults": (_major_faults, "a kernel that counts major faults of populate (Linux 6.9)"),
    "userfaultfd": (lambda: features.snapshots() is None, "userfaultfd with write protection"),
    "wp_async": (lambda: features.userfaultfd("WP_ASYNC") is None, "Linux 6.7"),
    "qemu": (lambda: qemu.why_not() is None, "sudo apt install qemu-system-x86"),
    "strace": (lambda: shutil.which("strace") is not None, "sudo apt install strace"),
    "debian": (
        lambda: None not in map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb")),
        "apt and dpkg",
    ),
    "compiler": (lambda: shutil.which("gcc") is not None, "sudo apt install gcc"),
    "tracing": (_tracing, "x86-64 or aarch64, and ptrace for this user (kernel.yama.ptrace_scope)"),
    "chromium": (lambda: Path("/usr/bin/chromium").exists(), "sudo apt install chromium"),
}
"""What a test may need, how it is found out, and what to do about it."""


CHECKOUT = (HERE.parent / "setup.py").exists() and importlib.util.find_spec("cffi")
collect_ignore = [] if CHECKOUT else ["kernel/test_native.py"]
"""What takes packages and files that a guest of another kernel has not."""


def pytest_configure() -> None:
    _report_a_dead_kernel()
    _take_a_disk()
    os.environ.pop("COLUMNS", None)  # of whoever runs the tests: tables would be as narrow
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this host cannot do: a marker on tests, a tag ``needs-NAME`` on notebook cells."""
    for item in items:
        names = [name for mark in item.iter_markers("needs") for name in mark.args]
        names += ["chromium" for _ in item.iter_markers("browser")]
        cell = getattr(item, "cell", None)
        if cell is not None:
            tags = cell.metadata.get("tags", [])
            names += [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]
        for name in names:
            available, advice = NEEDS[name]
            if not available():
                item.add_marker(pytest.mark.skip(reason=f"needs {advice}"))


def _take_a_disk() -> None:
    """Temporary files are on a disk: /tmp is memory on Debian 13, Fedora and others."""
    if mounts.in_memory(tempfile.gettempdir()) and not mounts.in_memory("/var/tmp"):
        os.environ["TMPDIR"] = tempfile.tempdir = "/var/tmp"


def _report_a_dead_kernel() -> None:
    """Let nbval say that a kernel died, at once, instead of waiting for its time-out."""
    from queue import Empty

    try:
        from nbval.kernel import RunningKernel
    except ImportError:  # on another kernel, where no notebook is run
        return
    get_message = RunningKernel.get_message

    def watch(self: RunningKernel, stream: str, timeout: float | None = None) -> object:
        waited = 0
        while True:
            try:
                return get_message(self, stream, timeout=1)
            except Empty:
                waited += 1
                if not self.is_alive():
                    raise RuntimeError("the notebook's kernel died") from None
                if timeout is not None and waited >= timeout:
                    raise

    RunningKernel.get_message = watch


class Skips:
    """Every test that was skipped, held against the list of those that may be."""

    def __init__(self) -> None:
        listed = tomllib.loads((HERE / "allowed_skips.toml").read_text())["skip"]
        user = "root" if os.geteuid() == 0 else "ordinary user"
        self.allowed = [entry["test"] for entry in listed if entry["user"] == user]
        self.unlisted: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that skips itself whole."""
        self._hold(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that was skipped; a notebook's cell or row that could not be shown."""
        self._hold(report)
        if report.when == "call":
            for name, row in report.user_properties:
                if name == OTHERWISE:
                    self._hold_one(f"{report.nodeid}: {row}")

    def _hold(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._hold_one(report.nodeid)

    def _hold_one(self, test: str) -> None:
        if not any(fnmatch.fnmatchcase(test, pattern) for pattern in self.allowed):
            self.unlisted.append(test)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted:
            session.exitstatus = UNTIDY

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test in self.unlisted:
            terminalreporter.write_line(f"SKIPPED BUT NOT LISTED {test}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):  # of xdist: the controller judges the whole run
        return
    session.config.pluginmanager.register(NothingLeft())
    if os.environ.get("PREFAULT_CI"):
        session.config.pluginmanager.register(Skips())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Each process of the run ends its own worker, and what its notebooks' kernels come from."""
    from prefault_kit.measure import worker

    worker.shared().close()
    if warm_kernels := sys.modules.get("tests.warm_kernels"):
        warm_kernels.end()


def _descendants() -> list[str]:
    """Command lines of living processes that were started by this run, orphans among them."""
    found = []
    for process in Path("/proc").glob("[1-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if RUN_MARK in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return [command for command in found if command]  # what has ended but was not waited for


def _files() -> set[str]:
    """What lies in memory, and on the file systems that were lent."""
    return {
        f"{place}/{name}" for place in (SHARED, *DIRECTORIES.values()) for name in os.listdir(place)
    }


def _mapped(files: set[str]) -> set[str]:
    """Those that a living process has mapped: if none of this run lives, they are another's."""
    found = set()
    for maps in Path("/proc").glob("[1-9]*/maps"):
        with contextlib.suppress(OSError):
            text = maps.read_text(errors="replace")
            found |= {file for file in files if file in text}
    return found


class NothingLeft:
    """No process, no file, no huge page remains of the whole run."""

    def __init__(self) -> None:
        name, _, value = RUN_MARK.decode().partition("=")
        os.environ[name] = value
        self.files, self.pools = _files(), hugepages.pools()

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        deadline = time.monotonic() + 20  # the kernel takes its time to release what was killed
        while (found := self._found()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if found:
            if session.exitstatus != pytest.ExitCode.TESTS_FAILED:  # which leaves what it has begun
                session.exitstatus = UNTIDY
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            for each in found:
                reporter.write_line(f"LEFT BEHIND {each}", red=True)
        return result

    def _found(self) -> list[str]:
        found = [f"process {command}" for command in _descendants()]
        if files := _files() - self.files:
            found += [f"file {each}" for each in sorted(files - _mapped(files))]
        if (pools := hugepages.pools()) != self.pools:
            found.append(f"huge pages {pools}, before {self.pools}")
        return found


@pytest.fixture(params=DISKS)
def disk_directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A writable directory on each disk file system that was mounted for the tests."""
    return DIRECTORIES.get(request.param, tmp_path)


def _lent(name: str) -> Path:
    if name not in DIRECTORIES:
        pytest.skip(f"needs {name} in PREFAULT_TEST_DIRS")
    return DIRECTORIES[name]


@pytest.fixture
def namespace() -> Callable[[str], list[str]]:
    """A command prefix for a mount namespace of its own, in which a shell line runs first.

    What is mounted there vanishes with the process, also after kill -9.
    """
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*unshare, "true"], check=False, timeout=60).returncode
    ):
        pytest.skip("this user may not make a mount namespace")

    def prefix(line: str) -> list[str]:
        return [*unshare, "sh", "-ec", f'{line}\nexec "$@"', "sh"]

    return prefix


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser. Not of the session: Playwright keeps an event loop running meanwhile."""
    from tests.screens import lab

    with lab.browser() as running:
        yield running


@pytest.fixture
def overlay_directory() -> Path:
    """A writable directory on overlayfs."""
    return _lent("overlay")


@pytest.fixture
def small_tmpfs_directory() -> Path:
    """A directory on a tmpfs of 1 MiB."""
    return _lent("tmpfs_small")


@pytest.fixture
def hugetlbfs_directory() -> Path:
    """A directory on hugetlbfs; needs("hugetlb") asks for the pages."""
    return _lent("hugetlbfs")


@pytest.fixture(scope="session")
def huge_page_bytes() -> int:
    """The default huge page size, which is also that of transparent huge pages."""
    size = hugepages.default_size_bytes()
    assert size is not None
    return size


@pytest.fixture(scope="session")
def memlock() -> int:
    """How many bytes this user may lock, at most 64 MiB."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    most = 64 << 20
    if os.geteuid() == 0 or limit == resource.RLIM_INFINITY:
        return most
    return min(limit, most) // PAGE_SIZE_BYTES * PAGE_SIZE_BYTES


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Be an ordinary user for the length of a test, also where root runs the tests."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    if before == 0:
        os.seteuid(before)

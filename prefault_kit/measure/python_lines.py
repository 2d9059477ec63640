"""The lines of Python that took page faults, as they took them.

perf names an instruction, which in Python is one of the interpreter. Here each fault raises SIGTRAP
in the thread that took it (Linux 5.13), and faulthandler's handler writes down where that thread
is, in C, without running any Python. That takes some 50 us a fault, so it is asked for, and
bounded. Faults that the kernel takes for the program raise none, and of those that come while
signals are blocked (a touch of the kit's, the start of a thread) only one does, later; before Linux
5.18 such a fault would kill the process, which is tried once in a process of its own.

Sources: perf_event_open(2) (sigtrap), https://docs.python.org/3/library/faulthandler.html.
"""

from __future__ import annotations

import errno
import faulthandler
import functools
import mmap
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections import Counter
from types import TracebackType

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import perf

MOST_FRAMES = 3
FRAME = re.compile(r'  File "(.*)", line (\d+|\?\?\?) in (.*)')
BEGIN = "Stack (most recent call first):"
TRIAL_S = 30
TRAP = perf.RECORD | perf.TRAP | perf.USER_ONLY | perf.DISABLED

_in_use = threading.Lock()


class PythonLines:
    """The lines of this thread that fault from :meth:`begin` to :meth:`stop`.

    ``missing`` says why there are none: the kernel has no such signal, or SIGTRAP is taken. One at
    a time in a process.

    >>> with PythonLines() as lines, mmap.mmap(-1, mmap.PAGESIZE) as page:
    ...     lines.begin(16)
    ...     page[0] = 1
    ...     lines.stop()
    >>> bool(lines.missing or any("in <module>" in each for each in lines.counted()))
    True
    """

    missing: Unavailable | None = None

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._log = -1
        self._found: Counter[str] = Counter()
        self._holds = False
        if signal.getsignal(signal.SIGTRAP) is not signal.SIG_DFL or signal.SIGTRAP in (
            signal.pthread_sigmask(signal.SIG_BLOCK, ())
        ):
            self.missing = Unavailable("lines of Python need SIGTRAP, which this program uses")
            return
        if not _in_use.acquire(blocking=False):
            self.missing = Unavailable("lines of Python are being looked for already")
            return
        self._holds = True
        try:
            if stop := why_not():
                self.missing = stop
                self.close()
                return
            for major in (False, True):
                self._fds.append(perf.open_event(0, major=major, options=TRAP))
            self._log = os.memfd_create("prefault-kit-lines", os.MFD_CLOEXEC)
            faulthandler.register(signal.SIGTRAP, self._log, all_threads=False)
            signal.raise_signal(signal.SIGTRAP)  # so that the handler's own pages are there
            os.ftruncate(self._log, 0)
            os.lseek(self._log, 0, os.SEEK_SET)
        except OSError as error:
            self.close()
            if error.errno != errno.EINVAL:
                raise
            self.missing = Unavailable("this kernel tells no program of its faults (Linux 5.13)")

    def begin(self, most: int) -> None:
        """Look at no more than so many faults of each kind."""
        for fd in self._fds:
            perf.refresh(fd, most)

    def stop(self) -> None:
        """Look at no more."""
        if self._fds:
            perf.Switch(self._fds).set(False)
            self._found = parse(os.pread(self._log, os.fstat(self._log).st_size, 0).decode())

    def counted(self) -> Counter[str]:
        """How many faults each place took: a line, and those from which it was called."""
        return self._found

    def close(self) -> None:
        """Give SIGTRAP back; a second time does nothing."""
        while self._fds:
            os.close(self._fds.pop())
        if self._log >= 0:
            faulthandler.unregister(signal.SIGTRAP)
            os.close(self._log)
            self._log = -1
        if self._holds:
            self._holds = False
            _in_use.release()

    def __enter__(self) -> PythonLines:
        """Ready to begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def fault_while_blocked() -> None:
    """Take a fault with the signal blocked: it waits, or the kernel ends this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTRAP])
    fd = perf.open_event(0, major=False, options=TRAP)
    with mmap.mmap(-1, 2 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
        perf.refresh(fd, 8)
        page[0] = page[mmap.PAGESIZE] = 1
        os._exit(0)


@functools.cache
def why_not() -> Unavailable | None:
    """Whether this kernel ends a process that has the signal blocked, tried once."""
    code = "from prefault_kit.measure import python_lines; python_lines.fault_while_blocked()"
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": path},
        timeout=TRIAL_S,
    )
    if done.returncode == 0:
        return None
    if done.returncode == -signal.SIGTRAP:
        return Unavailable("this kernel ends a process that faults with SIGTRAP blocked (5.18)")
    return Unavailable("this kernel tells no program of its faults: that came with Linux 5.13")


def parse(text: str) -> Counter[str]:
    """Count the places in what faulthandler wrote.

    >>> parse('''Stack (most recent call first):
    ...   File "/a.py", line 3 in f
    ...   File "/a.py", line 9 in <module>
    ... ''')
    Counter({'/a.py:3 in f, from /a.py:9 in <module>': 1})
    """
    found: Counter[str] = Counter()
    for block in text.split(BEGIN)[1:]:
        frames = [f"{file}:{line} in {name}" for file, line, name in FRAME.findall(block)]
        if frames:
            found[", from ".join(frames[:MOST_FRAMES])] += 1
    return found

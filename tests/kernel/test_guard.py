"""The C's guard against SIGBUS and SIGSEGV: what it leaves to others, and what it survives.

Each case runs in a process of its own, with a time limit: what fails here dies or hangs.
"""

import errno
import os
import signal
import subprocess
import sys

import pytest

PATIENCE_S = 120
"""More than an emulated processor takes."""
COMMON = """
import contextlib, errno, faulthandler, mmap, os, resource, signal, sys, threading, time
from prefault_kit import Backing, Mapping
from prefault_kit.kernel import userfaultfd
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE

def cut_off(pages=0, size=64 * PAGE):
    "Memory that raises SIGBUS behind its first pages."
    mapping = Mapping(Backing.memfd(), size, "shared")
    os.ftruncate(mapping.fd, pages * PAGE)
    return mapping

def page_of_efault(touch, **options):
    try:
        touch(**options)
    except OSError as error:
        assert error.errno == errno.EFAULT, error
        return error.page

def real_fault():
    "An access of Python's own, where no page can be had."
    fd = os.memfd_create("bad")
    os.ftruncate(fd, PAGE)
    bad = mmap.mmap(fd, PAGE)
    os.ftruncate(fd, 0)
    bad[0]

def handled():
    "Which of the two have a handler."
    status = open("/proc/self/status").read()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return [each.name for each in (signal.SIGBUS, signal.SIGSEGV) if caught >> each - 1 & 1]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

class LongTouch:
    "A touch of one call that is going on during the whole block."
    def __enter__(self):
        self.mapping = Mapping(Backing.anon(), PAGE << 18, reserve=False)
        self.block = contextlib.ExitStack()
        with contextlib.suppress(OSError):  # without userfaultfd it is as long as it takes
            last = self.mapping.span((PAGE << 18) - PAGE, PAGE)
            fd = userfaultfd.begin(*last, userfaultfd.MODE_MISSING)  # where it waits for the end
            self.block.callback(os.close, fd)
        touch = lambda: self.mapping.touch_read(interruptible=False)
        self.thread = threading.Thread(target=touch)
        before = faults()
        self.thread.start()
        while faults() < before + 1000:
            pass
    def __exit__(self, *_):
        assert self.thread.is_alive(), "the touch was too short"
        self.block.close()
        self.thread.join()
        self.mapping.close()
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter, which has no handlers yet."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMON + code],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=os.environ | environment,
    )


def test_handlers_are_restored() -> None:
    """After a touch that met SIGBUS the handlers are those from before."""
    done = run("""
print(handled(), page_of_efault(cut_off(3).touch_read), handled())
""")
    assert (done.returncode, done.stdout) == (0, "[] 3 []\n"), done.stderr


@pytest.mark.parametrize("dumping", [False, True], ids=["default", "faulthandler"])
def test_a_fault_elsewhere_still_kills(dumping: bool) -> None:
    """The guard forgives its own range alone: another SIGBUS acts as before, faulthandler too."""
    done = run(f"""
if {dumping}:
    faulthandler.enable()
with LongTouch():
    real_fault()
""")
    assert done.returncode == -signal.SIGBUS
    assert ("Fatal Python error: Bus error" in done.stderr) is dumping


def test_faulthandler_survives_a_touch() -> None:
    """A fault after a guarded touch is still dumped by the faulthandler that was there before."""
    done = run("""
faulthandler.enable()
print(page_of_efault(cut_off(0).touch_read), flush=True)
real_fault()
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "0\n")
    assert "Fatal Python error: Bus error" in done.stderr


def test_a_faulthandler_that_comes_and_goes_leaves_no_loop() -> None:
    """Enabled during a touch it keeps our handler, and puts it back: a fault then still kills."""
    done = run("""
with LongTouch():
    faulthandler.enable()
faulthandler.disable()
print(page_of_efault(cut_off(5).touch_read), flush=True)
real_fault()
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "5\n")
    assert "Fatal Python error" not in done.stderr


def test_a_faulthandler_that_comes_stays() -> None:
    """Enabled during a touch it dumps a later fault, also one during the next touch, once."""
    done = run("""
with LongTouch():
    faulthandler.enable()
with LongTouch():
    print(page_of_efault(cut_off(5).touch_read), flush=True)
    real_fault()
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "5\n")
    assert done.stderr.count("Fatal Python error: Bus error") == 1


def test_a_touch_comes_before_a_faulthandler_that_came_meanwhile() -> None:
    """What the next touch meets is its own, though another touch has gone on all the time."""
    done = run("""
with LongTouch():
    faulthandler.enable()
    print(page_of_efault(cut_off(5).touch_read), flush=True)
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


def test_a_faulthandler_may_come_and_go_many_times() -> None:
    """Whatever handlers were kept and put back meanwhile: none of ours is left in the end."""
    done = run("""
for _ in range(3):
    with LongTouch():
        for _ in range(20):
            faulthandler.enable()
            faulthandler.disable()
    page_of_efault(cut_off(5).touch_read)
    faulthandler.enable()
    page_of_efault(cut_off(5).touch_read)
    faulthandler.disable()
print(page_of_efault(cut_off(5).touch_read), handled(), flush=True)
real_fault()
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "5 []\n"), done.stderr


def test_a_handler_of_one_shot_has_one_shot() -> None:
    """SA_RESETHAND: what such a handler does not cure kills the second time, and loops never."""
    done = run("""
import ctypes
said = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: print(number, flush=True))
ctypes.CDLL(None).sysv_signal(signal.SIGBUS, said)
with LongTouch():
    real_fault()
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, f"{signal.SIGBUS:d}\n"), done.stderr


@pytest.mark.parametrize("name", ["SIGBUS", "SIGSEGV"])
def test_an_ignored_signal_is_ignored_during_a_touch(name: str) -> None:
    """One that somebody sent; a real fault kills also who ignores it (signal(7))."""
    done = run(f"""
signal.signal(signal.{name}, signal.SIG_IGN)
with LongTouch():
    os.kill(os.getpid(), signal.{name})
    print("alive", flush=True)
    if "{name}" == "SIGBUS":
        real_fault()
""")
    assert done.stdout == "alive\n"
    assert done.returncode == (-signal.SIGBUS if name == "SIGBUS" else 0)


def test_a_signal_that_python_handles_is_handled_during_a_touch() -> None:
    """One that somebody sent reaches Python's handler, and the touch goes on."""
    done = run("""
seen = []
signal.signal(signal.SIGSEGV, lambda number, _: seen.append(number))
with LongTouch():
    os.kill(os.getpid(), signal.SIGSEGV)
    print(seen == [signal.SIGSEGV])
print(page_of_efault(cut_off(5).touch_read))
""")
    assert (done.returncode, done.stdout) == (0, "True\n5\n"), done.stderr


def test_a_signal_that_somebody_sent_still_kills() -> None:
    """The default action of SIGBUS, whoever touches meanwhile."""
    done = run("""
with LongTouch():
    os.kill(os.getpid(), signal.SIGBUS)
""")
    assert done.returncode == -signal.SIGBUS


@pytest.mark.parametrize("threads", [1, 3])
def test_a_thread_that_blocks_the_signals_gets_its_oserror(threads: int) -> None:
    """Where a blocked SIGBUS or SIGSEGV kills, the guard lets it through, and blocks it again."""
    done = run(f"""
both = {{signal.SIGBUS, signal.SIGSEGV}}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
print(page_of_efault(cut_off(7).touch_write, threads={threads}))
with Mapping(Backing.anon(), 64 * PAGE) as memory:
    memory.protect("r", 9 * PAGE)
    print(page_of_efault(memory.touch_write, threads={threads}))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []) == both)
""")
    assert (done.returncode, done.stdout) == (0, "7\n9\nTrue\n"), done.stderr


def test_a_pending_signal_stays_pending() -> None:
    """What a thread blocks and somebody sent before or during a touch waits for its sigwait."""
    done = run("""
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGBUS})
os.kill(os.getpid(), signal.SIGBUS)
print(page_of_efault(cut_off(7).touch_write))
print(signal.sigpending() == {signal.SIGBUS})
print(signal.sigwait({signal.SIGBUS}) == signal.SIGBUS, signal.sigpending() == set())
""")
    assert (done.returncode, done.stdout) == (0, "7\nTrue\nTrue True\n"), done.stderr


def test_a_fork_while_threads_touch_leaves_no_lock() -> None:
    """The child can touch at once, and has no handler of threads that it does not have."""
    done = run("""
mapping = Mapping(Backing.anon(), 4 * PAGE)
bad = cut_off(2)
ended = threading.Event()
def touch():
    while not ended.is_set():
        mapping.touch_read()
threads = [threading.Thread(target=touch, daemon=True) for _ in range(4)]
for each in threads:
    each.start()
long_enough = time.monotonic() + 20  # where the processor is emulated
for _ in range(150):
    if time.monotonic() > long_enough:
        break
    pid = os.fork()
    if pid == 0:
        good = handled() == [] and page_of_efault(bad.touch_read) == 2 and handled() == []
        os._exit(not good)
    deadline = time.monotonic() + 10
    while (child := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            sys.exit("the child hangs")
        time.sleep(0.001)
    assert child[1] == 0, child
ended.set()  # a thread that goes on while Python ends may fail, whatever it does
for each in threads:
    each.join()
""")
    assert done.returncode == 0, done.stderr


def test_a_touch_without_the_guard_is_killed() -> None:
    """For promises that show what any program meets."""
    done = run("""
from prefault_kit.kernel import timed
bad = cut_off(2)
where = bad.span()
timed.touch_unguarded("touch_read", where[0], 2 * PAGE, step=PAGE)
print("two pages", flush=True)
timed.touch_unguarded("touch_read", *where, step=PAGE)
""")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "two pages\n")


@pytest.mark.parametrize("order", ["", "glibc.cpu.hwcaps=-ERMS"], ids=["default", "from-the-end"])
def test_copies_are_guarded_as_touches_are(order: str) -> None:
    """read and write tell the first page, in whatever order memcpy goes; a range that wraps around
    is EFAULT too."""
    done = run(
        """
from prefault_kit.kernel import timed
bad = cut_off(2)
print(page_of_efault(lambda: bad.read(0, bad.size_bytes)))
print(page_of_efault(lambda: bad.write(PAGE, bytes(bad.size_bytes - PAGE))))
print(page_of_efault(lambda: bad.write(2 * PAGE - 1, bytes(PAGE))))
print(page_of_efault(lambda: timed.read_memory(2**64 - 1, 2)))
bad.write(1, bytes(range(100)) * (PAGE // 100))
print(bad.read(0, 2 * PAGE) == (b"\\0" + bytes(range(100)) * (PAGE // 100)).ljust(2 * PAGE, b"\\0"))
""",
        GLIBC_TUNABLES=order,
    )
    assert (done.returncode, done.stdout) == (0, "2\n1\n1\n0\nTrue\n"), done.stderr


def test_the_range_is_known_to_the_page() -> None:
    """A touch that begins within a page is guarded from there on (s390 tells no byte)."""
    done = run("""
bad = cut_off(2)
print(page_of_efault(lambda: bad.touch_read(2 * PAGE + 1, 10)), errno.EFAULT)
""")
    assert (done.returncode, done.stdout) == (0, f"0 {errno.EFAULT}\n"), done.stderr

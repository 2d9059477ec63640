"""Programs that a Debian has, prepared to be tried: their data, when they are ready, their load.

Each makes its data in a directory that is given to it; nothing else is written. A trial of one is
:func:`tried`; :func:`record` runs all of them, for ``data/runs``.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.syscalls import ADVICE
from prefault_kit.studies.trial import advice, by_hand, record
from prefault_kit.studies.trial.candidates import CANDIDATES, Candidate
from prefault_kit.studies.trial.mappings import Choice
from prefault_kit.studies.trial.plan import Plan
from prefault_kit.studies.trial.ready import Ready
from prefault_kit.studies.trial.result import Trial
from prefault_kit.studies.trial.run import Setting
from prefault_kit.studies.trial.running import TrialProgress, run
from prefault_kit.studies.trial.stop import Stop

PREPARE_S = 300
SHUTDOWN_S = 60
MIB = 1 << 20
WITH_THE_KIT = ("setpriv", "--pdeathsig", "INT")
"""Before a command that is to end when the thread ends that began it, however that happens."""
POSTGRES = "/usr/lib/postgresql"
GIT_FILES = 400
BY_HAND = "by hand"
"""The variant that carries out what was recommended."""
JAVA = """\
public class Fill {
    public static void main(String[] words) {
        byte[][] all = new byte[Integer.parseInt(words[0])][];
        for (int i = 0; i < all.length; i++) all[i] = new byte[1 << 20];
        System.out.println(all.length);
    }
}
"""
FILL = """\
import numpy
total = 0.0
for n in range(4):
    a = numpy.zeros(1 << 23)
    a += 1
    total += a[::512].sum()
print(total)
"""
DOUBLE = (
    'BEGIN { while (n++ < 6) { s = "a"; while (length(s) < 4e7) s = s s; t += length(s) } print t }'
)
JOIN = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8) "
    "SELECT sum(length(zeroblob(40000000 + i) || x'00')) FROM n"
)


def _nothing(_: Path) -> None:
    """What most programs leave outside of their directory."""


@dataclass(frozen=True)
class Program:
    """A program, what it does in the trial, and what that needs."""

    title: str
    needs: tuple[tuple[str, str], ...]
    """Commands, each with the package of Debian that has it."""
    prepare: Callable[[Place], Plan]
    """Make its data in a directory; OSError where that fails."""
    access: str = "w"
    """What its large mappings are mapped for: where advice is carried out by hand."""
    flags: Mapping[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = field(default_factory=dict)
    """Its own way to carry out a candidate, by the candidate's name: from its command another."""
    release: Callable[[Path], None] = _nothing
    """Release what a killed run of it has left outside of its directory, which is given."""

    def why_not(self) -> Unavailable | None:
        """What is missing here; None if it can be tried."""
        lacking = [(name, package) for name, package in self.needs if not _found(name)]
        if lacking:
            names = ", ".join(os.path.basename(name) for name, _ in lacking)
            packages = " ".join(dict.fromkeys(package for _, package in lacking))
            return Unavailable(f"{names} not installed", f"sudo apt install {packages}")
        return None


def _found(name: str) -> str | None:
    if name.startswith("postgresql:"):
        places = sorted(Path(POSTGRES).glob(f"*/bin/{name.partition(':')[2]}"))
        return str(places[-1]) if places else None
    return shutil.which(name)


@dataclass(frozen=True)
class Place:
    """Where the data of a program is made; ``stop`` ends what makes it."""

    directory: Path
    stop: Stop = field(default_factory=Stop)

    def do(
        self, *command: str, stdin: str | None = None, end_by: signal.Signals = signal.SIGKILL
    ) -> str:
        """Run a step of preparing; its output. OSError with its last words where it fails.

        A stop ends it by a signal; one that would leave something if it was killed has another.
        """
        try:
            done = self.stop.run(command, stdin=stdin, timeout_s=PREPARE_S, end_by=end_by)
        except subprocess.TimeoutExpired:
            raise OSError(f"{command[0]} did not end within {PREPARE_S} s") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise OSError(f"{command[0]} failed: {said[-1] if said else done.returncode}")
        return done.stdout

    @contextmanager
    def served(self, *command: str, answers: Callable[[], bool]) -> Iterator[None]:
        """A server that runs meanwhile, from when it answers on; it ends when the kit does."""
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:

            def end() -> None:
                server.send_signal(signal.SIGINT)  # at once, without waiting for clients

            try:
                with self.stop.ending(end):
                    deadline = time.monotonic() + PREPARE_S
                    while not answers() and server.poll() is None and time.monotonic() < deadline:
                        time.sleep(0.05)
                        self.stop.check()
                    yield
            finally:
                end()
                try:
                    server.wait(SHUTDOWN_S)
                except subprocess.TimeoutExpired:
                    server.kill()


def _redis(place: Place) -> Plan:
    socket = place.directory / "socket"
    command = (
        *("redis-server", "--port", "0", "--unixsocket", str(socket)),
        *("--dir", str(place.directory), "--save", ""),
    )
    debug = ("--enable-debug-command", "yes")
    with place.served(*WITH_THE_KIT, *command, *debug, answers=socket.exists):
        for words in (["DEBUG", "POPULATE", "600000", "key", "400"], ["SAVE"]):
            place.do("redis-cli", "-s", str(socket), *words)
    return Plan(
        command,
        Choice(least_bytes=2 * MIB, kinds=("anonymous private",)),
        setting=Setting(Ready("[Rr]eady to accept connections")),
    )


def _postgresql(place: Place) -> Plan:
    directory = place.directory
    cluster = directory / "cluster"
    binaries = {name: _found(f"postgresql:{name}") or name for name in ("initdb", "postgres")}
    user: tuple[str, ...] = ()
    if os.geteuid() == 0:  # it refuses root
        user = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
        shutil.chown(directory, "postgres", "postgres")
        directory.chmod(0o755)
    place.do(
        *(*user, binaries["initdb"], "-D", str(cluster), "-U", "tried", "-A", "trust", "-N"),
        end_by=signal.SIGINT,  # a killed one leaves shared memory
    )
    settings = {
        "shared_buffers": "512MB", "huge_pages": "off", "listen_addresses": "''",
        "unix_socket_directories": f"'{directory}'", "fsync": "off",
        "dynamic_shared_memory_type": "mmap",  # in its directory, where a killed one leaves it
    }  # fmt: skip
    with (cluster / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    command = (*user, binaries["postgres"], "-D", str(cluster))
    client = ("psql", "-h", str(directory), "-U", "tried", "-d", "postgres", "-Xqtc")
    table = (
        "CREATE TABLE t AS SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 100000) n; "
        "VACUUM ANALYZE t"
    )

    def answers() -> bool:
        try:
            place.do(*client, "SELECT 1")
        except OSError:
            return False
        return True

    with place.served(*user, *WITH_THE_KIT, *command[len(user) :], answers=answers):
        for each in table.split("; "):
            place.do(*client, each)
    scan = "SELECT count(*), sum(length(text)) FROM t"
    return Plan(
        command,
        Choice(least_bytes=64 * MIB, kinds=("anonymous shared",)),
        setting=Setting(Ready("ready to accept connections"), (*client, scan)),
    )


def _release_segment(directory: Path) -> None:
    """PostgreSQL marks its data directory with a System V segment, which survives SIGKILL."""
    with suppress(OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        lines = (directory / "cluster" / "postmaster.pid").read_text().splitlines()
        number = int(lines[6].split()[1])
        subprocess.run(
            ["ipcrm", "-m", str(number)], check=False, capture_output=True, timeout=PREPARE_S
        )


def _sqlite(place: Place) -> Plan:
    data = place.directory / "data.db"
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)"
    made = f"CREATE TABLE t (i, text); {rows} INSERT INTO t SELECT i, hex(zeroblob(500)) FROM n;"
    place.do("sqlite3", str(data), made)
    question = "SELECT count(*), sum(length(text)) FROM t"
    command = ("sqlite3", "-cmd", "PRAGMA mmap_size = 1073741824", str(data), question)
    return Plan(command, Choice(path="*/data.db"), start="cold", evicted=(str(data),))


def _perl(_: Place) -> Plan:
    fill = 'for (1 .. 20) { my $x = "a" x 40_000_000; $sum += length $x; undef $x } print $sum'
    return Plan(("perl", "-e", fill), Choice(least_bytes=16 * MIB))


def _sort(place: Place) -> Plan:
    data = place.directory / "data"
    numbers = random.Random(1)
    with data.open("w") as file:
        for number in range(1_000_000):
            if not number % 10_000:
                place.stop.check()
            file.write(f"{numbers.getrandbits(64):016x} {numbers.getrandbits(64):016x}\n")
    command = ("env", "LC_ALL=C", "sort", "--parallel=1", "-S", "600M", "-o", "/dev/null")
    return Plan((*command, str(data)), Choice(kinds=("anonymous private",)))


def _python(_: Place) -> Plan:
    command = ("env", "NUMPY_MADVISE_HUGEPAGE=0", sys.executable, "-c", FILL)
    return Plan(command, Choice(least_bytes=16 * MIB))


def _sums(place: Place, files: int) -> Path:
    """A list of checksums: 77 bytes a file."""
    data = place.directory / "sums"
    numbers = random.Random(1)
    data.write_text(
        "".join(f"{numbers.getrandbits(256):064x}  file{number:06d}\n" for number in range(files))
    )
    return data


def _xz(place: Place) -> Plan:
    command = ("xz", "--threads=1", "--keep", "--stdout", str(_sums(place, 26_000)))
    return Plan(command, Choice(kinds=("anonymous private",)))


def _mawk(_: Place) -> Plan:
    kinds = ("anonymous private", "heap")  # where malloc gets up to 32 MiB, once it has had more
    return Plan(("mawk", DOUBLE), Choice(least_bytes=2 * MIB, kinds=kinds))


def _blobs(_: Place) -> Plan:
    command = ("sqlite3", ":memory:", JOIN)
    return Plan(command, Choice(least_bytes=16 * MIB, kinds=("anonymous private",)))


def _by_malloc(command: tuple[str, ...]) -> tuple[str, ...]:
    """The C library gives MADV_HUGEPAGE to what malloc maps."""
    return ("env", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", *command)


def _by_jvm(command: tuple[str, ...]) -> tuple[str, ...]:
    return (command[0], "-XX:+UseTransparentHugePages", *command[1:])


def _java(place: Place) -> Plan:
    directory = place.directory
    (directory / "Fill.java").write_text(JAVA)
    place.do("javac", "-d", str(directory), str(directory / "Fill.java"))
    heap = ("-Xms768m", "-Xmx768m", "-XX:+UseSerialGC")
    rest = ("-cp", str(directory), "Fill", "500")
    return Plan(
        ("java", *heap, *rest),
        Choice(least_bytes=16 * MIB, kinds=("anonymous private",)),
        variants={
            "AlwaysPreTouch": ("java", *heap, "-XX:+AlwaysPreTouch", *rest),
            "UseTransparentHugePages": ("java", *heap, "-XX:+UseTransparentHugePages", *rest),
        },
    )


def _git(place: Place) -> Plan:
    lines = []
    for number in range(GIT_FILES):
        place.stop.check()
        text = "".join(f"{number * line * 2654435761 % 4294967296:x}\n" for line in range(4000))
        lines.append(f"blob\nmark :{number + 1}\ndata {len(text)}\n{text}\n")
    lines.append("commit refs/heads/main\ncommitter a <a@b> 0 +0000\ndata 1\nx\n")
    lines += [f"M 100644 :{number + 1} file{number}\n" for number in range(GIT_FILES)]
    repository = str(place.directory / "repository")
    place.do("git", "init", "-q", "--bare", repository)
    place.do("git", "-C", repository, "fast-import", "--quiet", stdin="".join(lines))
    place.do("git", "-C", repository, "repack", "-adq")
    command = ("git", "-C", repository, "grep", "-c", "fff", "main")
    return Plan(command, Choice(path="*.pack"), start="cold")


PROGRAMS = {
    "redis": Program(
        "Redis loads a dump of 600,000 keys",
        (("redis-server", "redis-server"), ("redis-cli", "redis-tools")),
        _redis,
    ),
    "postgresql": Program(
        "PostgreSQL starts with shared buffers of 512 MB and scans a table of 100 MB",
        (
            ("postgresql:initdb", "postgresql"),
            ("postgresql:postgres", "postgresql"),
            ("psql", "postgresql-client"),
        ),
        _postgresql,
        release=_release_segment,
    ),
    "sqlite": Program(
        "SQLite reads a cold table of 250 MB through a mapping",
        (("sqlite3", "sqlite3"),),
        _sqlite,
        access="r",
    ),
    "sort": Program(
        "sort sorts 34 MB of text in memory",
        (("sort", "coreutils"),),
        _sort,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "perl": Program(
        "Perl makes twenty strings of 40 MB, one after the other",
        (("perl", "perl"),),
        _perl,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "xz": Program(
        "xz compresses 2 MB of checksums as it does by default",
        (("xz", "xz-utils"),),
        _xz,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "mawk": Program(
        "mawk doubles a string until it has 67 MB, six times",
        (("mawk", "mawk"),),
        _mawk,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "blobs": Program(
        "SQLite joins blobs of 40 MB in memory",
        (("sqlite3", "sqlite3"),),
        _blobs,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "python": Program(
        "Python fills four arrays of 64 MB with NumPy, which is told not to ask for huge pages",
        (),
        _python,
        flags={"HUGEPAGE": _by_malloc},
    ),
    "java": Program(
        "A JVM fills 500 MB of its heap",
        (("java", "default-jre-headless"), ("javac", "default-jdk-headless")),
        _java,
        flags={"HUGEPAGE": _by_jvm},
    ),
    "git": Program("Git searches a cold packed repository", (("git", "git"),), _git, access="r"),
}
"""By name; to add one is to add a function that prepares it, and a row."""


def tried(
    name: str,
    *,
    repeats: int = 5,
    candidates: Sequence[str] = tuple(CANDIDATES),
    hand: bool = True,
    stop: Stop | None = None,
    on_progress: Callable[[str, TrialProgress], None] | None = None,
) -> tuple[Trial, Trial | None]:
    """A trial of a program, and one in which what it recommends is carried out by hand beside it.

    The second is None where nothing is recommended, or it is a variant already. ValueError for an
    unknown name; OSError where its data cannot be made; Stopped where ``stop`` is asked for.
    """
    if name not in PROGRAMS:
        raise ValueError(f"{name!r} is no program: choose of {', '.join(PROGRAMS)}")
    program = PROGRAMS[name]
    tell = on_progress or (lambda _, __: None)
    stop = stop or Stop()
    with tempfile.TemporaryDirectory(prefix="prefault-try-") as made, ExitStack() as stack:
        stack.callback(program.release, Path(made))
        tell("its data", TrialProgress(0.0, "its data is made"))
        plan = program.prepare(Place(Path(made), stop))
        setting = replace(plan.setting, stop=stop)
        plan = replace(plan, repeats=repeats, candidates=tuple(candidates), setting=setting)
        first = run(plan, on_progress=lambda progress: tell("its trial", progress))
        found = advice.recommend(first) if first.outcome == "ok" else None
        if not hand or found is None or found.name not in CANDIDATES:
            return first, None
        by_it = _by_hand(program, plan, CANDIDATES[found.name], Path(made))
        if by_it is None:
            return first, None
        again = replace(plan, candidates=(found.name,), variants={BY_HAND: by_it})
        return first, run(again, on_progress=lambda progress: tell("by hand", progress))


def _by_hand(
    program: Program, plan: Plan, candidate: Candidate, place: Path
) -> tuple[str, ...] | None:
    """The command that carries out a candidate, by the program's own way or by a library."""
    if candidate.name in program.flags:
        return program.flags[candidate.name](plan.command)
    if not candidate.advices or not set(candidate.advices) <= set(ADVICE) or by_hand.why_not():
        return None
    library = by_hand.library(place)
    least = plan.choice.least_bytes
    return by_hand.carried_out(plan.command, library, candidate.advices, least, program.access)


def record_all(
    directory: Path,
    machine: str,
    *,
    repeats: int = 7,
    on_progress: Callable[[str, str, TrialProgress], None] | None = None,
) -> list[Path]:
    """Try all programs that are here, and keep each trial as ``try-NAME-MACHINE.json``; what was
    carried out by hand as ``try-NAME-by-hand-MACHINE.json``. The files that were written."""
    written = []
    for name, program in PROGRAMS.items():
        if program.why_not():
            continue

        def tell(part: str, progress: TrialProgress, name: str = name) -> None:
            if on_progress:
                on_progress(name, part, progress)

        first, second = tried(name, repeats=repeats, on_progress=tell)
        for trial, words in ((first, ""), (second, "-by-hand")):
            if trial:
                path = directory / f"try-{name}{words}-{machine}.json"
                record.save(trial, path)
                written.append(path)
    return written


def recorded(
    directory: str | os.PathLike[str], machine: str
) -> dict[str, tuple[Trial, Trial | None]]:
    """What :func:`record_all` kept of a machine, by program: its trial, and that by hand."""
    found: dict[str, tuple[Trial, Trial | None]] = {}
    for name in PROGRAMS:
        first, second = (
            Path(directory) / f"try-{name}{words}-{machine}.json" for words in ("", "-by-hand")
        )
        if first.exists():
            again = record.load(second) if second.exists() else None
            found[name] = (record.load(first), again)
    return found

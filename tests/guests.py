"""A fleet of guests, one of which is killed and boots again: ``python -m tests.guests DIR``.

Three kernels are hosts, each with a Dask worker; a fourth guest has the scheduler and collects. The
hub that joins them is in its QEMU, and each cable is a Unix socket: nobody else is on that network.
``DIR/killed`` is what was collected when the fleet had given up the host, ``DIR/resumed`` is the
same folder after ``--resume``. pip fetches Dask for the guests' Python beforehand.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from prefault_kit.studies.kernels import Cache, Guest, catalogue, compiling, image
from prefault_kit.studies.kernels.architecture import ARCHITECTURES, X86_64, Architecture

COLLECTING = "6.12"
HOSTS = (("x86_64", "6.1"), ("aarch64", "6.12-16k"), ("x86_64", "7.2"))
KILLED = 3
"""The number of the host that is killed once it has sent so many rows."""
ROWS = 60
LIMIT_S = 3600
COMMAND = "check"
DASK = "distributed==2026.8.0"
PYTHON = "3.13"
"""The guests'."""
ADDRESS = "192.0.2.{}"
"""Of a host, by its number; 100 is the scheduler's."""
SCHEDULER = ADDRESS.format(100)
CARD = "52:54:00:00:00:{:02}"
FOLDERS = ("killed/", "resumed/")
HERE, KILL, LEFT = "HERE", "KILL", "LEFT"
"""What guests say: a host that it runs, whoever collects that it is time to kill one, and to boot
it again."""
JOINED = """busybox ifconfig lo 127.0.0.1
busybox ifconfig eth0 {address}
export PREFAULT_BAR=lines
# an emulated host may be silent for long: by default Dask lets go of it after 30 s
export DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=600s DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP=60s
"""
HOST = """busybox hostname guest-{number}
echo {number:032} >/etc/machine-id # as an installed system has one
python3 -m dask worker tcp://{scheduler}:8786 --host {address} --nthreads 1 --no-nanny &
while busybox sleep 1; do echo {here}; done
"""
COLLECT = """collect() {{
    python3 -m prefault_kit fleet --scheduler tcp://{scheduler}:8786 --out /result/$1 \\
        --hosts {hosts} --wait $2 $3 {command} 2>&1 | tee -a /result/said
}}
python3 -m dask scheduler --host {scheduler} >/result/scheduler 2>&1 &
workers() {{ busybox grep -c 'Register worker' /result/scheduler; }}
until test $(workers) -ge {hosts}; do busybox sleep 1; done
rows() {{ cat /result/killed/host-*.rows 2>/dev/null | busybox grep -c '"kernel": "{killed}[.]'; }}
(until test $(rows) -ge {rows}; do busybox sleep 1; done; echo {kill}) &
collect killed 60
echo {left}
cp -r /result/killed /result/resumed
collect resumed 900 --resume
"""


class Killed(Exception):
    """A guest is to end as a machine does whose power is cut."""


def packages(place: Path, architecture: Architecture) -> Path:
    """Dask and what it needs, for the Python of the guests."""
    target = place / architecture.name
    if target.exists():
        return target
    levels = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    platforms = [word for each in levels for word in ("--platform", f"{each}_{architecture.name}")]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-qqq", "--target", str(target),
         "--python-version", PYTHON, *platforms, "--only-binary", ":all:", DASK],
        check=True,
        timeout=600,
    )  # fmt: skip
    return target


def cable(place: Path, number: int, end: str) -> str:
    """One end of the cable from a host to the hub."""
    return f"stream,id=cable{number},server={end},addr.type=unix,addr.path={place}/{number}"


def host_network(place: Path, number: int) -> tuple[str, ...]:
    """What joins a host to the hub."""
    card = f"virtio-net,netdev=cable{number},mac={CARD.format(number)}"
    return "-netdev", cable(place, number, "off"), "-device", card


def hub(place: Path, hosts: Sequence[int]) -> tuple[str, ...]:
    """The hub, with a card of the guest's own."""
    words = ["-netdev", "hubport,id=own,hubid=0"]
    words += ["-device", f"virtio-net,netdev=own,mac={CARD.format(99)}"]
    for number in hosts:
        words += ["-netdev", cable(place, number, "on")]
        words += ["-netdev", f"hubport,id=port{number},hubid=0,netdev=cable{number}"]
    return tuple(words)


def told(name: str, line: str, pulled: Event, hears: dict[str, Event]) -> None:
    """Show what a guest says, and set the event of a line; Killed once its plug is pulled."""
    if line != HERE:
        print(time.strftime("%H:%M:%S"), f"{name}: {line}", flush=True)
    if line in hears:
        hears[line].set()
    if pulled.is_set():
        raise Killed


def host_script(number: int) -> str:
    """What a host runs."""
    address = ADDRESS.format(number)
    return (JOINED + HOST).format(number=number, address=address, scheduler=SCHEDULER, here=HERE)


def collecting_script() -> str:
    """What the guest runs that collects."""
    _, version = HOSTS[KILLED - 1]
    return (JOINED + COLLECT).format(
        address=SCHEDULER, scheduler=SCHEDULER, hosts=len(HOSTS), command=COMMAND, rows=ROWS,
        killed=version.partition("-")[0], kill=KILL, left=LEFT,
    )  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """What a guest boots from."""

    guest: Guest
    root: Path
    compiled: Path | None
    packages: Path

    def boot(
        self, network: tuple[str, ...], script: str, tell: Callable[[str], None]
    ) -> Mapping[str, bytes]:
        """Let it run a script; what it wrote."""
        return (
            replace(self.guest, network=network)
            .run(
                self.root, script, compiled=self.compiled, packages=self.packages,
                accelerator="tcg", limit_s=LIMIT_S, tell=tell,
            )
            .files
        )  # fmt: skip


def machine(cache: Cache, place: Path, architecture: Architecture, version: str) -> Machine:
    """A kernel with all that it needs, fetched and made where it is not here."""
    root = image.ensure(cache, architecture, lambda _, words: print(words))
    _, guest = catalogue.fetched(cache, architecture, version)
    library = compiling.compiled(cache, guest, root)
    return Machine(guest, root, library, packages(place, architecture))


def record(place: Path, hosts: Mapping[int, Machine], collecting: Machine) -> Mapping[str, bytes]:
    """Boot them all, kill one, and boot it again: what was collected, by the names of files."""
    ends = {number: Event() for number in hosts}
    kill, left = Event(), Event()

    def host(number: int) -> None:
        pulled = ends[number]
        with suppress(Killed):
            hosts[number].boot(
                host_network(place, number), host_script(number),
                lambda line: told(f"host {number}", line, pulled, {}),
            )  # fmt: skip

    def collect() -> Mapping[str, bytes]:
        try:
            return collecting.boot(
                hub(place, tuple(hosts)), collecting_script(),
                lambda line: told("collects", line, Event(), {KILL: kill, LEFT: left}),
            )  # fmt: skip
        finally:  # nobody is waited for any more
            kill.set()
            left.set()

    with ThreadPoolExecutor(len(hosts) + 2) as pool:
        collected = pool.submit(collect)
        while not (collected.done() or all((place / str(each)).exists() for each in hosts)):
            time.sleep(1)  # a cable needs the hub's end first
        for number in hosts:
            pool.submit(host, number)
        try:
            kill.wait()
            ends[KILLED].set()
            left.wait()
            ends[KILLED] = Event()
            pool.submit(host, KILLED)
            return collected.result()
        finally:
            for each in ends.values():
                each.set()


def main(target: Path) -> None:
    """Record a fleet in this directory."""
    cache = Cache()
    with cache.claimed(), tempfile.TemporaryDirectory() as name:
        place = Path(name)
        hosts = {
            number: machine(cache, place, ARCHITECTURES[kind], version)
            for number, (kind, version) in enumerate(HOSTS, start=1)
        }
        files = record(place, hosts, machine(cache, place, X86_64, COLLECTING))
    for path, content in files.items():
        if path.startswith(FOLDERS):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

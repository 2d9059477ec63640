"""Debian's packages by the system's apt, in a state of its own: nothing is installed on the host.

apt checks the signature of the archive and the checksum of each package.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefault_kit.studies.kernels import version

MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITES = ("bullseye", "bookworm", "trixie", "trixie-backports", "sid", "experimental")
"""From old to new; each has one or a few kernels."""
EMPTY_BYTES = 1 << 20
"""A kernel's package that is smaller has nothing but dependencies."""
TOOLS = {"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg"}


class PackagesError(OSError):
    """Packages cannot be had: one sentence that says what to do."""


@dataclass(frozen=True)
class Package:
    """A kernel that a suite offers."""

    suite: str
    name: str
    version: str
    """The kernel's, as ``6.12.117``, ``7.3-rc7`` or ``6.12.117-rt``."""
    size_bytes: int

    @property
    def series(self) -> str:
        """By which a kernel is asked for, as ``6.12`` or ``6.12-rt``."""
        return version.series(self.version)

    @property
    def order(self) -> tuple[int, int, int, int, str]:
        """What sorts packages from old to new."""
        return version.order(self.version)


class Apt:
    """apt with lists and a cache of its own below ``place``, for one suite."""

    def __init__(self, place: Path, suite: str, architecture: str) -> None:
        missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
        if missing:
            raise PackagesError(
                "kernels are fetched as Debian packages, and this system has no apt: give a kernel "
                "of your own with --kernel and --modules on a system that has"
            )
        if not KEYRING.exists():
            raise PackagesError(
                f"{KEYRING} is missing, which signs the packages: "
                "sudo apt install debian-archive-keyring"
            )
        self.suite = suite
        self._place = place / f"{suite}-{architecture}"
        self._architecture = architecture

    def update(self) -> None:
        """Bring the lists of packages."""
        for part in ("lists/partial", "archives/partial"):
            (self._place / part).mkdir(parents=True, exist_ok=True)
        (self._place / "status").touch()
        (self._place / "sources.list").write_text(
            f"deb [arch={self._architecture} signed-by={KEYRING}] {MIRROR} {self.suite} main\n"
        )
        self._run("apt-get", "update", "--error-on=any")

    def kernels(self, names: Mapping[str, str]) -> list[Package]:
        """The kernels whose packages have such names, regular expressions by flavour."""
        sizes: dict[str, int] = {}
        versions: dict[str, str] = {}
        for paragraph in self._run("apt-cache", "dumpavail").split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Size): (.*)$", paragraph, re.MULTILINE))
            if "Package" in fields:
                sizes[fields["Package"]] = int(fields["Size"])
                versions[fields["Package"]] = _upstream(fields["Version"])
        found = []
        for flavour, name in names.items():
            for each in filter(re.compile(name).fullmatch, sizes):
                parts = [sizes.get(part, 0) for part in _parts(each)]
                if sizes[each] > EMPTY_BYTES or all(parts):
                    known = version.flavoured(versions[each], flavour)
                    found.append(Package(self.suite, each, known, sizes[each] + sum(parts)))
        return found

    def download(self, names: Sequence[str]) -> list[Path]:
        """Packages with all that they depend on, as files."""
        options = ("--yes", "--no-install-recommends", "--download-only")
        self._run("apt-get", *options, "install", *names)
        return sorted((self._place / "archives").glob("*.deb"))

    def download_kernel(self, name: str) -> list[Path]:
        """A kernel's package as files, with those that its image and its modules lie in; nothing
        else that it depends on."""
        there = self._run("apt-cache", "pkgnames", "linux-").split()
        parts = [name, *(part for part in _parts(name) if part in there)]
        self._run("apt-get", "download", *parts, directory=self._place / "archives")
        return [path for part in parts for path in (self._place / "archives").glob(f"{part}_*.deb")]

    def drop_packages(self) -> None:
        """Remove the files of packages; the lists stay."""
        for each in (self._place / "archives").glob("*.deb"):
            each.unlink()

    def _run(self, tool: str, *words: str, directory: Path | None = None) -> str:
        place = self._place
        settings = {
            "Dir::Etc::SourceList": place / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": place / "lists",
            "Dir::State::Status": place / "status",
            "Dir::Cache": place,
            "Dir::Cache::Archives": place / "archives",
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            "APT::Sandbox::User": "",
            "Debug::NoLocking": "1",
            "Acquire::Retries": "1",
        }
        options = [f"-o{name}={value}" for name, value in settings.items()]
        done = subprocess.run(
            [tool, "-qq", *options, *words],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            reason = said[-1].removeprefix("E: ") if said else f"exit status {done.returncode}"
            raise PackagesError(f"{tool} {words[0]} for {self.suite} failed: {reason}")
        return done.stdout


def unpack(packages: Iterable[Path], target: Path, on_progress: Callable[[], None]) -> None:
    """Unpack packages into a directory, as their files alone: no script of theirs is run."""
    for each in packages:
        done = subprocess.run(
            ["dpkg-deb", "--extract", str(each), str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackagesError(f"{each.name} cannot be unpacked: {done.stderr.strip()[-200:]}")
        on_progress()


def _parts(name: str) -> tuple[str, str]:
    """The packages in which a kernel lies that is split, as Debian's are since 2026."""
    rest = name.removeprefix("linux-image-")
    return f"linux-binary-{rest}", f"linux-modules-{rest}"


def _upstream(version: str) -> str:
    """A kernel's version from its package's: 6.12.117 of ``6.12.117-1``, 7.3-rc7 of
    ``7.3~rc7-1~exp1``."""
    return version.partition("-")[0].partition("+")[0].replace("~rc", "-rc").partition("~")[0]

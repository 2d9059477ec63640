"""``prefault-kit kernels``: boot other kernels, let each answer for itself, and compare them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Column, Table
from rich.text import Text

from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar, heard
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, WRITE_ERRORS, Ending
from prefault_kit.cli.options import DIRECTORY, as_json
from prefault_kit.measure import saved
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import changes as changes_text
from prefault_kit.show.kernels import disagree
from prefault_kit.show.labels import letters
from prefault_kit.studies.kernels import (
    Cache,
    Guest,
    Record,
    catalogue,
    checking,
    compiling,
    image,
    recorded,
    tested,
)
from prefault_kit.studies.kernels.architecture import ARCHITECTURES, X86_64
from prefault_kit.studies.kernels.cache import CacheError
from prefault_kit.studies.kernels.changes import compare
from prefault_kit.studies.kernels.debian import PackagesError
from prefault_kit.studies.kernels.guest import (
    ACCELERATORS,
    LIMIT_S,
    GuestError,
    Outcome,
    has_tests,
)
from prefault_kit.studies.kernels.record import DIFFERS, EXPLAINED, HOLDS, load_all, table
from prefault_kit.studies.kernels.version import series

ROOMS = tuple(f"tests/{room}" for room in ("kernel", "memory", "host", "measure"))
TESTS = "tests"
"""The command that is the project's tests."""
TESTED = "tests.xml"
"""Where a guest leaves what its tests did."""
OUTPUT = ">/result/output 2>&1"
SEEN = "({}; echo $? >/tmp/status) 2>&1 | tee /result/output\nexit $(cat /tmp/status)"
"""Where what a guest's command says goes; what takes minutes is followed meanwhile."""
TESTS_DONE = re.compile(r"[.sFExX]+ +\[ *(\d+)%\]")
"""A line of pytest's, with how many of the tests are done."""
GAP = 2
"""Blanks between the columns of a table."""
MARKS = {
    HOLDS: ("yes", "green"),
    EXPLAINED: ("other", "yellow"),
    DIFFERS: ("DIFFERS", "bold red"),
}
Tell = Callable[[float, str], None]


class WithCommand(click.Command):
    """A command whose words behind ``--`` are another command."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Set those words aside."""
        at = args.index("--") if "--" in args else len(args)
        context.meta["command"] = args[at + 1 :]
        return super().parse_args(context, args[:at])


def _stripped(_: object, __: object, given: Any) -> Any:
    """Versions without the blanks that a script may leave around them."""
    return given.strip() if isinstance(given, str) else given and tuple(map(str.strip, given))


arch = click.option(
    "--arch",
    "machine",
    type=click.Choice(list(ARCHITECTURES)),
    default=X86_64.name,
    show_default=True,
    help="The processor of the guests.",
)


@click.group(short_help="Boot other kernels under QEMU, and let each answer for itself.")
def kernels() -> None:
    """Boot other kernels under QEMU, and let each answer for every promise.

    A kernel comes from Debian's packages, by apt in a state of its own, or is one of yours. Nothing
    is installed on this host or changed in it, nothing needs root, and a guest has no network. What
    is fetched lies in a cache: XDG_CACHE_HOME, or where PREFAULT_KERNELS_CACHE says.

    \b
    Examples:
      prefault-kit kernels list
      prefault-kit kernels run 5.10 6.1 6.12-rt
      prefault-kit kernels run --arch aarch64 6.12-16k
      prefault-kit kernels run --kernel arch/x86/boot/bzImage --modules modules
      prefault-kit kernels table
    """


@kernels.command("list", short_help="The kernels that can be had, and those that are here.")
@click.option("--offline", is_flag=True, help="Only those that are in the cache.")
@arch
@as_json
def list_kernels(offline: bool, machine: str, as_json: bool) -> None:
    """List the newest kernel of each series that Debian has, and what is in the cache.

    \b
    Examples:
      prefault-kit kernels list
      prefault-kit kernels list --arch ppc64le
      prefault-kit kernels list --offline
    """
    cache = Cache()
    architecture = ARCHITECTURES[machine]
    with _sentences(cache), cache.claimed():
        found = [] if offline else catalogue.offered(cache, architecture)
        here = catalogue.here(cache, architecture)
    if as_json:
        offers = [{"series": each.series} | asdict(each) for each in found]
        click.echo(saved.json_text({"offered": offers, "cached": list(here)}))
        return
    lines = Table("kernel", "version", "suite", "package", "in the cache", box=None)
    for each in found:
        in_cache = "yes" if each.version in here else ""
        size = format_bytes(each.size_bytes >> 20 << 20)
        lines.add_row(each.series, each.version, each.suite, size, in_cache)
    for version in [version for version in here if version not in {e.version for e in found}]:
        lines.add_row(series(version), version, "", "", "yes")
    terminal.console().print(lines)
    _print_size(cache, cache.size_bytes, "", as_json=as_json)


@kernels.command(short_help="Fetch kernels and the guests' root, so that run needs no network.")
@click.argument("versions", metavar="VERSION...", nargs=-1, required=True, callback=_stripped)
@arch
@as_json
def fetch(versions: tuple[str, ...], machine: str, as_json: bool) -> None:
    """Fetch kernels by their series, such as 6.12 or 6.12-rt.

    \b
    Examples:
      prefault-kit kernels fetch 6.1 6.12
      prefault-kit kernels fetch 6.12-16k --arch aarch64
    """
    cache = Cache()
    architecture = ARCHITECTURES[machine]
    with _sentences(cache), cache.claimed(), bar("kernels", wanted=True) as move:
        root = image.ensure(cache, architecture, move)
        for number, version in enumerate(versions):
            move(number / len(versions), f"kernel {version}")
            _, guest = catalogue.fetched(cache, architecture, version)
            compiling.compiled(cache, guest, root)
    _print_size(cache, cache.size_bytes, "", as_json=as_json)


@kernels.command(cls=WithCommand, short_help="Boot kernels, and record what each answers.")
@click.argument("versions", metavar="[VERSION]...", nargs=-1, callback=_stripped)
@click.option(
    "--kernel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH",
    help="A kernel of your own: a bzImage, in place of VERSION.",
)
@click.option(
    "--modules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where its modules are (make modules_install).",
)
@click.option(
    "--fs",
    "file_systems",
    metavar="NAME,NAME...",
    default=",".join(checking.FILE_SYSTEMS),
    show_default=True,
    help="The file systems on which the promises are checked.",
)
@arch
@click.option(
    "--accel",
    type=click.Choice(ACCELERATORS),
    default="auto",
    show_default=True,
    help="KVM, or emulation, in which nothing may be timed.",
)
@click.option(
    "--limit",
    "limit_s",
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    default=LIMIT_S,
    show_default=True,
    help="The longest time of a guest.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where records go.  [default: the cache]")  # fmt: skip
@click.option(
    "--expect",
    is_flag=True,
    help="Compare each kernel with the kit's record of its series.",
)
@as_json
@click.pass_context
def run(
    context: click.Context,
    versions: tuple[str, ...],
    kernel: Path | None,
    modules: Path | None,
    file_systems: str,
    machine: str,
    accel: str,
    limit_s: int,
    out: Path | None,
    expect: bool,
    as_json: bool,
) -> None:
    """Boot each kernel, check every promise on it, and record the verdicts.

    Without a VERSION every series that can be had is booted, in its usual flavour. Behind --
    another command may stand, which a guest runs in place of the check; its output is printed.
    In a checkout it may be tests, with paths: the project's own; --out then
    takes their counts, as tests.csv.

    \b
    Examples:
      prefault-kit kernels run 5.10 6.12 6.12-rt
      prefault-kit kernels run --arch aarch64 6.12-16k
      prefault-kit kernels run 6.1 --fs ext4,xfs --accel tcg
      prefault-kit kernels run --kernel bzImage --modules modules \\
          -- prefault-kit doctor
      prefault-kit kernels run 6.1 --expect
      prefault-kit kernels run 6.12 -- tests tests/kernel
      prefault-kit kernels run 6.1 6.12 --out data/kernels -- tests

    Exit status: 0 if each finished, no verdict differs without a known reason, and with --expect
    none from what is recorded; else 1. 2 is bad usage, such as an --out that cannot be written, or
    a VERSION whose series has no record to --expect; 3 if this host cannot run it.
    """
    chosen = tuple(name for name in file_systems.split(",") if name)
    if unknown := set(chosen) - set(checking.FILE_SYSTEMS) or (set() if chosen else {"none"}):
        known = ", ".join(checking.FILE_SYSTEMS)
        raise click.UsageError(f"--fs takes {known}, not {', '.join(sorted(unknown))}")
    if kernel and versions:
        raise click.UsageError("give either --kernel or versions")
    if modules and not kernel:
        raise click.UsageError("--modules belongs to --kernel")
    command = context.meta["command"]
    architecture = ARCHITECTURES[machine]
    if accel == "kvm" and not architecture.is_here:
        raise click.UsageError(f"KVM runs this host's processor alone: --arch {machine} is another")
    if command:
        other = out if command[0] != TESTS else None
        for name, given in (("--expect", expect), ("--out", other), ("--json", as_json)):
            if given:
                raise click.UsageError(f"{name} is about verdicts: leave it out with -- command")
        if command[0] == TESTS and not has_tests():
            raise click.UsageError("-- tests runs those of a checkout, and this kit is installed")
    if expect:
        for version in versions:
            try:
                _expected(version, machine)
            except ValueError as error:
                raise click.UsageError(f"--expect: {error}") from None
    if out:
        _attempt(out)
    script = _script(chosen, command) if command else checking.script(chosen)
    cache = Cache()
    failed: list[str] = []
    records: list[Record] = []
    # what is printed is not of the cache, and neither is what goes wrong with that
    with _sentences(), cache.claimed(), bar("kernels", wanted=not as_json) as move:
        with _sentences(cache):
            root = image.ensure(cache, architecture, move)
            if kernel:
                guests = [(checking.OWN, Guest(kernel, modules or kernel.parent, architecture))]
            else:
                move(0.0, "kernels: fetched where they are not here yet")
                asked = versions or catalogue.usual(cache, architecture)
                guests = [catalogue.fetched(cache, architecture, version) for version in asked]
        for number, (version, guest) in enumerate(guests):
            tell = _follow(move, f"{version}, {machine}", number, len(guests))
            try:
                if expect and not kernel:  # of one's own the version is not known yet
                    _expected(version, machine)
                with _sentences(cache, failures=False):
                    library = compiling.compiled(cache, guest, root)
                    outcome = guest.run(
                        root, script, compiled=library, accelerator=accel, limit_s=limit_s,
                        tell=tell,
                    )  # fmt: skip
            except (compiling.CompilingError, ValueError) as error:
                failed.append(f"{version}: {error}")
                continue
            if outcome.refused:
                failed.append(f"{version}: it did not start: {' | '.join(outcome.tail)}")
                continue
            if command:
                click.echo(outcome.files.get("output", b"").decode(errors="replace"), nl=False)
                if outcome.accelerator == "tcg":
                    click.echo(f"{version}: emulated, so no time in this means anything", err=True)
                if outcome.status != 0:
                    failed.append(f"{version} ({outcome.status or ' | '.join(outcome.tail)})")
                if out and outcome.status is not None:
                    _keep_tested(version, machine, outcome, out)
                continue
            made = checking.record(version, guest, chosen, outcome)
            with _sentences(cache):
                _keep(made, out or cache.place / "records")
            records.append(made)
            if not as_json:
                _tell(made)
            if made.error or DIFFERS in made.outcomes().values():
                failed.append(version)
            elif expect:
                failed += _differences(made, chosen)
    if as_json and not command:
        click.echo(saved.json_text([asdict(each) for each in records]))
    if failed:
        raise Ending(FAILED, f"failed: {'; '.join(failed)}")


@kernels.command("table", short_help="Promises down, kernels across; or what changed between two.")
@click.option(
    "--dir",
    "directory",
    type=DIRECTORY,
    help="Where records are.  [default: those of the kit, and in the cache]",
)
@click.option("--changes", is_flag=True, help="Only promises that some kernel answers otherwise.")
@click.option("--since", metavar="VERSION", callback=_stripped,
              help="List what changed since this recorded kernel.")  # fmt: skip
@click.option("--until", metavar="VERSION", callback=_stripped,
              help="And until this one.  [default: the newest that has verdicts]")  # fmt: skip
@as_json
def show_table(
    directory: str | None, changes: bool, since: str | None, until: str | None, as_json: bool
) -> None:
    """Show what each recorded kernel answered, or what changed from one to another.

    yes: it holds. other: otherwise than the text of 2021 says, for a known reason. A promise that
    cannot be tested on a kernel is marked -. Where the names of kernels would not fit, letters
    stand for them.

    \b
    Examples:
      prefault-kit kernels table --changes
      prefault-kit kernels table --dir data/kernels
      prefault-kit kernels table --since 6.1 --until 6.12
    """
    if until is not None and since is None:
        raise click.UsageError("--until belongs to --since")
    if changes and since is not None:
        raise click.UsageError("--since lists changes alone: leave --changes out")
    cache = Cache()
    own = cache.place / "records"
    with _sentences(cache):
        records = load_all(Path(directory)) if directory else recorded.known(own)
    if not records:
        raise Ending(FAILED, f"no kernel is recorded in {directory}", "prefault-kit kernels run")
    if since is not None:
        _show_changes(records, since, until, as_json)
        return
    names = [each.name for each in records]
    rows = [each for each in table(records) if not changes or disagree(each[1])]
    if as_json:
        found = {name: dict(zip(names, outcomes, strict=True)) for name, outcomes in rows}
        click.echo(saved.json_text(found))
        return
    console = terminal.console()
    wide = max((len(name) for name, _ in rows), default=0) + sum(len(name) + GAP for name in names)
    heads = names if wide <= console.width else [letters(at) for at in range(len(names))]
    for letter, name in zip(heads, names, strict=True):
        if letter != name:
            click.echo(f"{letter}  {name}")
    promise = Column("promise", overflow="fold")
    lines = Table(promise, *heads, box=None, padding=(0, 1, 0, 0))
    for name, outcomes in rows:
        marks = (MARKS.get(each, ("-", "dim")) for each in outcomes)
        lines.add_row(name, *(Text(mark, style=style) for mark, style in marks))
    console.print(lines)


def _show_changes(records: Sequence[Record], since: str, until: str | None, as_json: bool) -> None:
    """What changed from one recorded kernel to another."""
    try:
        before = recorded.find(records, since)
        newest = recorded.newest(records)
        now = newest if until is None else recorded.find(records, until)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = compare(before.verdicts, now.verdicts)
    if as_json:
        click.echo(saved.json_text({"since": before.name, "until": now.name} | asdict(found)))
        return
    for line in changes_text.lines(found, before.name, now.name):
        click.echo(line)


@kernels.command(short_help="Remove what was fetched and recorded in the cache.")
@as_json
def clean(as_json: bool) -> None:
    """Empty the cache.

    \b
    Examples:
      prefault-kit kernels clean
    """
    cache = Cache()
    with _sentences(cache):
        size = cache.clean()
    _print_size(cache, size, " removed", as_json=as_json)


def _print_size(cache: Cache, size_bytes: int, what: str, *, as_json: bool) -> None:
    """How large the cache is, or what was removed of it."""
    if as_json:
        click.echo(saved.json_text({"cache": str(cache.place), "size_bytes": size_bytes}))
    else:
        click.echo(f"{cache.place}: {format_bytes(size_bytes >> 20 << 20)}{what}")


def _follow(move: Tell, name: str, number: int, count: int) -> Callable[[str], None]:
    """What moves a bar by the lines that one of several guests says; it is moved at once."""
    move(number / count, f"{name}: boots")

    def hear(line: str) -> None:
        if step := heard(line):
            move((number + step[0]) / count, f"{name}: {step[1]}")
        elif done := TESTS_DONE.fullmatch(line):
            move((number + int(done[1]) / 100) / count, f"{name}: {done[1]}% of the tests")

    return hear


def _expected(version: str, machine: str) -> Record:
    """The kit's kernel of the same series and processor; ValueError if it has none."""
    kit = [each for each in recorded.of_the_kit() if each.architecture == machine]
    return recorded.find(kit, series(version) or version)


def _differences(made: Record, asked: Sequence[str]) -> list[str]:
    """Why this is not as the kit has recorded it, of the file systems that were asked for: a
    sentence or none. What changed is printed to stderr."""
    try:
        before = _expected(made.version, made.architecture)
    except ValueError as error:
        return [f"{made.version}: {error}"]
    lost = [name for name in before.file_systems if name in {*asked} - {*made.file_systems}]
    if lost:
        return [f"{made.version}: no {', no '.join(lost)} could be mounted, as it is recorded"]
    found = compare(before.verdicts, made.verdicts)
    if not (found.changes or found.unlike or found.missing):
        return []
    for line in changes_text.lines(found, before.name, made.name):
        click.echo(line, err=True)
    return [f"{made.version} (differs from its record)"]


@contextlib.contextmanager
def _sentences(cache: Cache | None = None, *, failures: bool = True) -> Iterator[None]:
    """What goes wrong in the block is one sentence and an exit status.

    With a cache, an error of the system that is about it is one as well. Without ``failures``, what
    is wrong with one kernel alone is left to the caller.
    """
    try:
        yield
    except compiling.CompilingError as error:
        if not failures:
            raise
        raise Ending(UNAVAILABLE, str(error)) from None
    except (CacheError, PackagesError, GuestError) as error:
        raise Ending(UNAVAILABLE, str(error)) from None
    except OSError as error:
        if cache is None or not _is_about(error, cache):
            raise
        raise Ending(UNAVAILABLE, str(cache.refused(error))) from None
    except ValueError as error:
        if not failures:
            raise
        raise Ending(FAILED, str(error)) from None


def _is_about(error: OSError, cache: Cache) -> bool:
    """Whether a file of the cache is what went wrong; of one that takes no more Python names
    none."""
    if error.filename is None:
        return error.errno in WRITE_ERRORS
    return Path(str(error.filename)).is_relative_to(cache.place)


def _script(file_systems: Sequence[str], command: Sequence[str]) -> str:
    """A guest's script that runs a command; ``prefault-kit`` is the kit that the guest got, and
    ``tests`` are the project's, of the rooms that speak to the kernel unless it names others."""
    first, *rest = command
    words = list(command)
    if first == "prefault-kit":
        words = ["python3", "-m", "prefault_kit", *rest]
    if first == TESTS:
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml=/result/{TESTED}"]
        words = ["python3", "-u", "-m", "pytest", *options, *(rest or ROOMS)]
    go = f"{checking.LENT}\ncd /job\n" if first == TESTS else ""
    run = SEEN.format(shlex.join(words)) if first == TESTS else f"{shlex.join(words)} {OUTPUT}"
    return f"{checking.mounts(file_systems)}\n{go}{run}\n"


def _attempt(place: Path) -> None:
    """Make a directory for records, and see that it takes files, before the work for them begins;
    UsageError if it does not."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        saved.attempt(place / f".prefault-kit-{os.getpid()}")
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise click.UsageError(f"--out {place} cannot be written ({said})") from None


def _keep(made: Record, place: Path) -> None:
    """Write a record whole or not at all, in place of an earlier one of the kernel."""
    path = place / made.file_name
    try:
        place.mkdir(parents=True, exist_ok=True)
        saved.replace(path, made.dump())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _keep_tested(version: str, machine: str, outcome: Outcome, place: Path) -> None:
    """Write what the tests did on a kernel, in place of what they did before."""
    new = tested.Count.of(version, machine, outcome.files.get(TESTED, b""))
    path = place / tested.FILE
    saved.replace(path, tested.text([*(tested.read(path) if path.exists() else ()), new]))


def _tell(made: Record) -> None:
    counts = Counter(made.outcomes().values())
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    click.echo(f"{made.name} ({made.accelerator}): {made.error or f'{said} (promises)'}")

"""``prefault-kit check``: every promise of MADV_POPULATE on this kernel, one verdict a line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from xml.dom import minidom

import click
from click.core import ParameterSource
from rich.text import Text

from prefault_kit import host
from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, Ending
from prefault_kit.cli.follower import following
from prefault_kit.cli.github import on_github, report
from prefault_kit.cli.options import DIRECTORY, FILE, as_json
from prefault_kit.measure import saved
from prefault_kit.show import changes, ktap
from prefault_kit.show import verdicts as shown
from prefault_kit.studies import promises
from prefault_kit.studies.kernels import Cache, Record, recorded
from prefault_kit.studies.kernels.changes import compare
from prefault_kit.studies.kernels.record import load_all
from prefault_kit.studies.promises import Question, Verdict, programs
from prefault_kit.studies.promises.promise import DIFFERS, HOLDS, NOT_TESTABLE

MARKS = {HOLDS: "green", DIFFERS: "bold red", NOT_TESTABLE: "dim"}
EXPLAINED = "yellow"


def _junit(verdicts: list[Verdict]) -> str:
    """The verdicts as JUnit XML."""
    import junitparser  # takes a tenth of the command's start

    suite = junitparser.TestSuite("prefault-kit check")
    for each in verdicts:
        case = junitparser.TestCase(each.backing, classname=each.id)
        if each.verdict == NOT_TESTABLE:
            case.result = [junitparser.Skipped(each.reason)]
        elif not each.explained:
            text = f"{each.claim} ({each.source}): expected {each.expected}; {each.observed}"
            case.result = [junitparser.Failure(text)]
        elif each.reason:
            case.system_out = each.reason
        suite.add_testcase(case)
    report = junitparser.JUnitXml()
    report.add_testsuite(suite)
    xml: bytes = report.tostring()  # type: ignore[no-untyped-call]
    return minidom.parseString(xml).toprettyxml(encoding="utf-8").decode()


@click.command(short_help="Which promises of MADV_POPULATE hold here, and which differ.")
@click.argument("patterns", metavar="[ID]...", nargs=-1)
@click.option(
    "--dir",
    "directories",
    type=DIRECTORY,
    multiple=True,
    default=["."],
    help="The directory of the files; may be repeated.  [default: the current one]",
)
@click.option("--junit", type=FILE, help="Also write the verdicts to a new file, as JUnit XML.")
@click.option(
    "--out", type=FILE, help="Also write them and the facts of this host to a new JSON file."
)
@on_github
@click.option("--ktap", "as_ktap", is_flag=True, help="Print KTAP, as the kernel's own tests do.")
@click.option(
    "--since",
    metavar="VERSION",
    help="Print what this kernel answers otherwise than a recorded one, such as 6.1.",
)
@click.option(
    "--records",
    type=DIRECTORY,
    help="Where the kernels of --since are recorded.  [default: in the kit, and in the cache of "
    "prefault-kit kernels]",
)
@click.option(
    "--as-c",
    is_flag=True,
    help="Print a C program that shows one promise; without an ID, list them.",
)
@click.option("--on", "kind", metavar="MEMORY", help="The kind of memory of that program.")
@as_json
def check(
    patterns: tuple[str, ...],
    directories: tuple[str, ...],
    junit: Path | None,
    out: Path | None,
    github: bool,
    as_ktap: bool,
    since: str | None,
    records: str | None,
    as_c: bool,
    kind: str | None,
    as_json: bool,
) -> None:
    """Check the promises of MADV_POPULATE on this kernel.

    Each promise names its source and is shown on a few pages of real memory. It holds, it differs
    from the text of 2021 (the verdict says since when), or it is not testable on this host (the
    verdict says why). IDs may have wildcards; without an ID, all are checked.

    With --as-c nothing is checked here: the program needs libc alone, and says the same in the same
    words.

    \b
    Examples:
      prefault-kit check
      prefault-kit check 'read-*' --dir /var/tmp --dir /mnt/xfs
      prefault-kit check --junit promises.xml
      prefault-kit check --out verdicts.json
      prefault-kit check --ktap
      prefault-kit check --since 6.1
      prefault-kit check prefix-end-of-file --as-c --on "shared file" >prefix.c

    Exit status: 0 if each holds, differs for a known reason, or is not testable; 1 if one differs
    without a known reason, or a file cannot be written in the end; 2 bad usage, such as a file that
    exists already, or a kernel that is not recorded.
    """
    _sort_out_options()
    if as_c:
        _print_c(patterns, kind)
        return
    for directory in directories:
        if not Path(directory).is_dir():
            raise click.UsageError(f"{directory} is not a directory: choose another with --dir")
    try:
        asked = promises.questions(patterns, directories)
        before = None if since is None else _recorded(since.strip(), records)
        for path in filter(None, (junit, out)):
            saved.claim(path)
        if junit and out and junit.absolute() == out.absolute():
            raise ValueError(f"{out} would be the JUnit file: choose another name")
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    verdicts = _streamed(asked) if as_ktap else _checked(asked, wanted=not as_json)
    failures = []
    for file, text in ((junit, _junit), (out, _recorded_here)):
        try:
            if file:
                saved.write(file, text(verdicts))
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            failures.append(f"{file} was not written: {said}")
    if before:
        _print_changes(before, verdicts, as_json)
    elif as_json:
        click.echo(saved.json_text([each.as_dict() for each in verdicts]))
    elif not as_ktap:
        _print(verdicts)
    if github:
        report(shown.on_github(verdicts), shown.summary(verdicts, os.uname().release))
    surprises = [each for each in verdicts if not each.explained]
    if surprises:
        names = ", ".join(dict.fromkeys(each.id for each in surprises))
        failures.append(f"{len(surprises)} of {len(verdicts)} verdicts differ: {names}")
    if failures:
        raise Ending(FAILED, "; ".join(failures))


ALONE = {
    "as_json": ("as_ktap", "as_c"),
    "as_ktap": ("since", "as_c"),
    "as_c": ("directories", "junit", "out", "since", "github"),
}
"""An option, and those that it cannot stand beside."""
BELONG = {"records": "since", "kind": "as_c"}
"""An option, and the one that it belongs to."""


def _sort_out_options() -> None:
    """UsageError for options that do not go together."""
    context = click.get_current_context()
    spelled = {each.name: each.opts[0] for each in context.command.params if each.name}
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    for one, others in ALONE.items():
        for other in others:
            if {one, other} <= given:
                raise click.UsageError(f"give either {spelled[one]} or {spelled[other]}, not both")
    for one, other in BELONG.items():
        if one in given and other not in given:
            raise click.UsageError(f"{spelled[one]} belongs to {spelled[other]}")


def _recorded_here(verdicts: list[Verdict]) -> str:
    """The verdicts with the facts of this host, as ``compare`` reads them."""
    from prefault_kit.studies.comparison import Answer, Run, contribution, facts

    known, _ = facts.known(host.facts())
    answers = tuple(Answer(**each.as_dict()) for each in verdicts)
    return contribution.text(Run("this host", "verdicts", known, answers=answers))


def _recorded(since: str, records: str | None) -> Record:
    """The recorded kernel; ValueError where there is none."""
    known = load_all(Path(records)) if records else recorded.known(Cache().place / "records")
    return recorded.find(known, since)


def _checked(asked: Sequence[Question], *, wanted: bool) -> list[Verdict]:
    """All verdicts, under a bar if one is wanted; those that a follower knows are not asked."""
    follower = following()
    known = [] if follower is None else [Verdict(**each) for each in follower.known]
    there = {(each.id, each.backing) for each in known}
    left = [each for each in asked if (each.promise.id, each.memory) not in there]
    with bar("promises", wanted=wanted) as move:
        done = len(known)

        def tell(verdict: Verdict) -> None:
            nonlocal done
            done += 1
            move(done / (len(known) + len(left)), f"promises: {done} of {len(known) + len(left)}")
            if follower:
                follower.row(verdict.as_dict())

        return known + promises.check(left, on_verdict=tell)


def _streamed(asked: Sequence[Question]) -> list[Verdict]:
    """All verdicts, each printed as KTAP when it comes."""
    for line in ktap.plan(len(asked)):
        click.echo(line)  # which flushes
    done = 0

    def tell(verdict: Verdict) -> None:
        nonlocal done
        done += 1
        click.echo("\n".join(ktap.result(done, verdict)))

    verdicts = promises.check(asked, on_verdict=tell)
    click.echo(ktap.totals(verdicts))
    return verdicts


def _print_changes(before: Record, verdicts: Sequence[Verdict], as_json: bool) -> None:
    """What this kernel answers otherwise than a recorded one."""
    found = compare(before.verdicts, [each.as_dict() for each in verdicts])
    now = os.uname().release
    if as_json:
        click.echo(saved.json_text({"since": before.name, "until": now} | asdict(found)))
        return
    for line in changes.lines(found, before.name, now):
        click.echo(line)


def _print_c(patterns: Sequence[str], kind: str | None) -> None:
    """The program that shows a promise; without a pattern, the promises that have one."""
    try:
        if not patterns:
            if kind:
                raise ValueError("--on belongs to one promise: name its ID")
            shown = programs.shown()
            widest = max(len(each.id) for each in shown)
            for each in shown:
                click.echo(f"{each.id:<{widest}}  {', '.join(each.on)}")
            return
        chosen = promises.chosen(patterns)
        if len(chosen) != 1:
            raise ValueError(
                f"--as-c takes one promise, not {len(chosen)}; prefault-kit check --as-c lists them"
            )
        click.echo(programs.c(chosen[0], kind), nl=False)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _print(found: Sequence[Verdict]) -> None:
    """One verdict a line under its promise, with what was seen or why not; then the counts."""
    console = terminal.console()
    wide = max((len(each.backing) for each in found), default=0)
    before = ""
    for each in found:
        if each.id != before:
            console.print(Text.assemble((each.id, "bold"), f"  {each.claim} ({each.source})"))
        before = each.id
        known = each.verdict == DIFFERS and each.explained
        console.print(
            Text.assemble(
                "  ",
                (
                    f"{each.verdict:<{len(NOT_TESTABLE)}}",
                    EXPLAINED if known else MARKS[each.verdict],
                ),
                f"  {each.backing:<{wide}}  {_observed(each)}",
            ),
            soft_wrap=True,
        )
    console.print(shown.counts(found))


def _observed(verdict: Verdict) -> str:
    if verdict.verdict == NOT_TESTABLE:
        return verdict.reason or ""
    seen = verdict.observed or ""
    if verdict.verdict == HOLDS:
        return seen
    return f"{seen}, not {verdict.expected}: {verdict.reason or 'unexplained'}"

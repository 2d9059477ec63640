"""``prefault-kit check``: every promise of MADV_POPULATE on this kernel, one verdict a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.dom import minidom

import click
from rich.text import Text

from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, Ending
from prefault_kit.cli.options import DIRECTORY, FILE, as_json
from prefault_kit.measure import saved
from prefault_kit.studies import promises
from prefault_kit.studies.promises import Verdict
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


@click.command(short_help="Every promise of MADV_POPULATE: holds, differs, or not testable here.")
@click.argument("patterns", metavar="[ID]...", nargs=-1)
@click.option(
    "--dir",
    "directories",
    type=DIRECTORY,
    multiple=True,
    default=["."],
    help="Where files are made; repeat it for more file systems.  [default: the current directory]",
)
@click.option("--junit", type=FILE, help="Also write the verdicts to a new file, as JUnit XML.")
@as_json
def check(
    patterns: tuple[str, ...], directories: tuple[str, ...], junit: Path | None, as_json: bool
) -> None:
    """Check the promises of MADV_POPULATE on this kernel.

    Each promise names its source and is shown on a few pages of real memory. It holds, it differs
    from the text of 2021 (the verdict says since when), or it is not testable on this host (the
    verdict says why). IDs may have wildcards; without an ID, all are checked.

    \b
    Examples:
      prefault-kit check
      prefault-kit check 'read-*' --dir /var/tmp --dir /mnt/xfs
      prefault-kit check --junit promises.xml

    Exit status: 0 if each holds, differs for a known reason, or is not testable; 1 if one differs
    without a known reason, or the JUnit file cannot be written in the end; 2 bad usage, such as a
    JUnit file that exists already.
    """
    for directory in directories:
        if not Path(directory).is_dir():
            raise click.UsageError(f"{directory} is not a directory: choose another with --dir")
    try:
        asked = promises.questions(patterns, directories)
        if junit:
            saved.claim(junit)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with bar("promises", wanted=not as_json) as move:

        def tell(done: int) -> None:
            move(done / len(asked), f"promises: {done} of {len(asked)}")

        verdicts = promises.check(asked, on_progress=tell)
    failures = []
    if junit:
        try:
            saved.write(junit, _junit(verdicts))
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            failures.append(f"{junit} was not written: {said}")
    if as_json:
        click.echo(saved.json_text([each.as_dict() for each in verdicts]))
    else:
        _print(verdicts)
    surprises = [each for each in verdicts if not each.explained]
    if surprises:
        names = ", ".join(dict.fromkeys(each.id for each in surprises))
        failures.append(f"{len(surprises)} of {len(verdicts)} verdicts differ: {names}")
    if failures:
        raise Ending(FAILED, "; ".join(failures))


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
    counts = Counter(each.verdict for each in found)
    surprises = sum(not each.explained for each in found)
    console.print(
        f"{counts[HOLDS]} hold, {counts[DIFFERS]} differ ({surprises} unexplained), "
        f"{counts[NOT_TESTABLE]} not testable here"
    )


def _observed(verdict: Verdict) -> str:
    if verdict.verdict == NOT_TESTABLE:
        return verdict.reason or ""
    seen = verdict.observed or ""
    if verdict.verdict == HOLDS:
        return seen
    return f"{seen}, not {verdict.expected}: {verdict.reason or 'unexplained'}"

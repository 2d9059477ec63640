"""``prefault-kit guard``: a program under a budget of page faults."""

from __future__ import annotations

from pathlib import Path
from xml.dom import minidom

import click

from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending
from prefault_kit.cli.github import locate, on_github, report
from prefault_kit.cli.options import FILE, as_json
from prefault_kit.host import features
from prefault_kit.measure import saved
from prefault_kit.show import guard as shown
from prefault_kit.studies import guard as guarding
from prefault_kit.studies.guard import Budget, Outcome


def _junit(outcome: Outcome, command: tuple[str, ...]) -> str:
    """A test case for each limit, and one for the program, as JUnit XML."""
    import junitparser

    suite = junitparser.TestSuite("prefault-kit guard")
    for each in outcome.verdicts:
        case = junitparser.TestCase(each.name, classname=command[0], time=outcome.elapsed_s)
        if not outcome.ready:
            case.result = [junitparser.Failure(shown.NEVER_READY)]
        elif not each.kept:
            failure = junitparser.Failure(str(each))
            failure.text = "\n".join(shown.culprits(outcome, each))
            case.result = [failure]
        suite.add_testcase(case)
    case = junitparser.TestCase("ends well", classname=command[0])
    if outcome.failed:
        case.result = [junitparser.Failure(outcome.ending())]
    suite.add_testcase(case)
    report = junitparser.JUnitXml()
    report.add_testsuite(suite)
    xml: bytes = report.tostring()  # type: ignore[no-untyped-call]
    return minidom.parseString(xml).toprettyxml(encoding="utf-8").decode()


@click.command(
    short_help="Run a program that must not take page faults, and name who does.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--ready",
    metavar="REGEX",
    help="Faults count once a line of its output matches this.  [default: from the beginning]",
)
@click.option(
    "--ready-within",
    type=float,
    default=guarding.READY_WITHIN_S,
    show_default=True,
    metavar="SECONDS",
    help="It is ended if it is not ready by then.",
)
@click.option(
    "--major",
    type=int,
    metavar="N",
    default=0,
    show_default=True,
    help="Major faults that are allowed.",
)
@click.option(
    "--minor", type=int, metavar="N",
    help="Minor faults that are allowed.  [default: any number]",
)  # fmt: skip
@click.option(
    "--minor-per-second", type=float, metavar="N",
    help="The same, on average.  [default: any number]",
)  # fmt: skip
@click.option(
    "--duration",
    type=float,
    metavar="SECONDS",
    help="End it so many seconds after it was ready.  [default: it ends by itself]",
)
@click.option("--junit", type=FILE, help="Also write the verdicts to a new file, as JUnit XML.")
@on_github
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@as_json
def guard(
    ready: str | None,
    ready_within: float,
    major: int,
    minor: int | None,
    minor_per_second: float | None,
    duration: float | None,
    junit: Path | None,
    github: bool,
    command: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a program with its threads and children under a budget of page faults.

    Faults are counted as the processor takes them: what was populated beforehand takes none.
    If there are more than allowed, who took them is named: thread, mapping, place in the code, and
    the advice that would have prevented them. The program's output is passed on (with --json to
    stderr); SIGTERM ends the program after --duration, and Ctrl-C ends both.

    \b
    Examples:
      prefault-kit guard -- ./control-loop
      prefault-kit guard --ready 'Ready to accept' --minor-per-second 5 \\
          --duration 30 -- redis-server
      prefault-kit guard --ready ready --minor 0 --junit faults.xml \\
          -- python -u service.py

    Exit status: 0 if the budget was kept; 1 if it was exceeded, or the program failed or was never
    ready; 2 bad usage, or no such program; 3 if faults cannot be observed here.
    """
    try:
        budget = Budget(major, minor, minor_per_second)
        if junit:
            saved.claim(junit)
        outcome = guarding.run(
            command,
            budget,
            ready=ready,
            duration_s=duration,
            ready_within_s=ready_within,
            outputs=(2, 2) if as_json else (1, 2),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        if error.filename is not None:
            said = (error.strerror or str(error)).lower()
            raise click.UsageError(f"{command[0]} cannot be run: {said}") from None
        missing = features.fault_events(error)
        assert missing
        raise Ending(UNAVAILABLE, missing.reason, missing.command) from None
    failures = []
    if junit:
        try:
            saved.write(junit, _junit(outcome, command))
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            failures.append(f"{junit} was not written: {said}")
    if as_json:
        click.echo(saved.json_text(outcome.as_dict()))
    else:
        for line in shown.lines(outcome):
            click.echo(line)
    if github:
        report(shown.on_github(outcome, locate), shown.summary(outcome, command[0]))
    if not outcome.observed:
        raise Ending(
            UNAVAILABLE,
            f"no fault of {command[0]} was to be seen: it runs as another user (setuid)",
            "sudo prefault-kit guard",
        )
    if not outcome.ready:
        failures.append("the program was never ready, so that nothing was judged")
    over = [str(each) for each in outcome.verdicts if not each.kept]
    if over:
        failures.append(f"the budget was exceeded: {'; '.join(over)}")
    if outcome.failed:
        failures.append(outcome.ending())
    if failures:
        raise Ending(FAILED, "; ".join(failures))

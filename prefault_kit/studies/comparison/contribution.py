"""A run as a file to send: what names a machine, a user or a place of theirs is taken out first."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from prefault_kit.measure import saved
from prefault_kit.measure.result import Result
from prefault_kit.studies.comparison.reading import as_dict
from prefault_kit.studies.comparison.recorded import GRID, Run

TAKEN_OUT = "TAKEN-OUT"
"""In place of a name."""
EVERYBODYS = ("root", "nobody", "localhost", "localdomain", "user", "home")
"""Names that name nobody."""
SHORTEST = 3
"""Letters of a name that is looked for: shorter ones are in every other word."""
PATH = re.compile(r"(?<![\w./:])/(?!(?:dev|proc|sys)\b)[\w.-]+/[^\s'\":,;)]*|(?<!\w)~/")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
"""Of mail, and of IPv4; the release of a kernel may look like the latter."""
VERDICT_TEXTS = ("observed", "reason")
FACT_TEXTS = ("kernel", "cpu", "hypervisor", "accelerator")
"""Facts that hold what somebody typed: a kernel of one's own has any name."""


def own_names() -> tuple[str, ...]:
    """What this host and its user are called, and where their files are; the longest first."""
    node = os.uname().nodename
    found = {node, node.partition(".")[0], os.path.expanduser("~")}
    found |= {os.environ.get(each, "") for each in ("USER", "LOGNAME", "SUDO_USER", "HOSTNAME")}
    with suppress(KeyError):  # a container's user may have no name
        found.add(pwd.getpwuid(os.getuid()).pw_name)
    names = {each for each in found if len(each.strip("/")) >= SHORTEST}
    return tuple(sorted(names - {*EVERYBODYS, "/root"}, key=lambda each: (-len(each), each)))


def without_names(run: Run, names: Iterable[str]) -> Run:
    """The same run, of which paths and these names are taken out, and commands left out."""
    known = tuple(names)

    host = {
        name: _without(value, known) if name in FACT_TEXTS and value else value
        for name, value in run.host.items()
    }
    results = (
        replace(
            each,
            message=each.message and _clean(each.message, known),
            command=None,
            notes=[_clean(text, known) for text in each.notes],
        )
        for each in run.results
    )
    answers = (
        replace(
            each,
            observed=each.observed and _clean(each.observed, known),
            reason=each.reason and _clean(each.reason, known),
        )
        for each in run.answers
    )
    return replace(run, host=host, results=tuple(results), answers=tuple(answers), left_out=())


def _clean(text: str, names: Iterable[str]) -> str:
    return _without(PATH.sub("DIR", ADDRESS.sub(TAKEN_OUT, saved.without_paths(text))), names)


def _without(text: str, names: Iterable[str]) -> str:
    for name in names:
        where = rf"(?<!\w){re.escape(name)}(?!\w)"
        text = re.sub(where, TAKEN_OUT, text, flags=re.IGNORECASE)
    return text


def text(run: Run) -> str:
    """The file: JSON, in the format that :func:`reading.read` reads.

    ValueError if the run does not say of which host it is, for nobody could do anything with it.
    """
    if not {"kernel", "machine"} <= {name for name, value in run.host.items() if value}:
        made = "matrix writes a host file beside its table" if run.kind == GRID else "check --out"
        raise ValueError(f"{run.name} does not say of which kernel and machine it is ({made} does)")
    return saved.json_text(as_dict(run)) + "\n"


def remarks(run: Run) -> Iterator[str]:
    """What should not be in a file that was sent: a sentence each."""
    for name in run.left_out:
        yield f"it says {name} of its host, which no run of this kit does"
    for what, said in dict.fromkeys(_texts(run)):
        for each in (PATH, ADDRESS):
            if found := each.search(said):
                yield f"{what} has a path or an address: {found[0]}"
    if not {"kernel", "machine"} <= set(run.host):
        yield "it does not say of which kernel and machine it is"


def _texts(run: Run) -> Iterator[tuple[str, str]]:
    """All that is not figures, and where it stands."""
    for each in run.results:
        for said in (each.message, each.command, *each.notes):
            if said:
                yield "a message or note", said
    for answer in run.answers:
        for name in VERDICT_TEXTS:
            if said := getattr(answer, name):
                yield "a verdict", said
    for name in FACT_TEXTS:
        if name != "kernel" and run.host.get(name):
            yield f"{name} of its host", run.host[name]


def columns(run: Run) -> tuple[str, ...]:
    """What is told of each cell or verdict: the fields that are filled somewhere."""
    if run.kind != GRID:
        return tuple(vars(run.answers[0]))
    empty: tuple[object, ...] = (None, [], {})
    return tuple(
        each.name
        for each in fields(Result)
        if any(getattr(result, each.name) not in empty for result in run.results)
    )


def place(path: Path) -> Path:
    """What the file to send is called, beside nothing of the user's: in the current directory."""
    return Path(f"{path.name.removesuffix(path.suffix)}.contribution.json")

"""A page for each promise: the claim, its source, what recorded kernels answered, the code."""

from __future__ import annotations

import fnmatch
import inspect
import sys
from collections.abc import Sequence
from itertools import groupby

from docs.extension import notebooks
from docs.extension.tables import address, mark
from prefault_kit.show import kernels as show
from prefault_kit.show.markdown import code, escape, table
from prefault_kit.studies.kernels.record import (
    DIFFERS,
    EXPLAINED,
    HOLDS,
    NOT_TESTABLE,
    Record,
    usual,
)
from prefault_kit.studies.kernels.recorded import of_the_kit
from prefault_kit.studies.kernels.reliance import RELIANCES, Answer, Reliance, ask
from prefault_kit.studies.promises import PROMISES, Promise, needs, programs

Records = Sequence[Record]
WORDS = {HOLDS: "holds", EXPLAINED: "otherwise", DIFFERS: "differs", NOT_TESTABLE: "not testable"}
"""What a page says of a verdict."""


KERNEL_WORDS = ("fallocate", "hugetlb", "mincore", "mlock", "mmap", "smaps")
"""First words of claims that are spelled as in the kernel, in a title as well."""


def pages() -> dict[str, str]:
    """The page of each promise, and the list of all."""
    records = of_the_kit()
    made = {f"promises/{name}.md": _page(each, records) for name, each in PROMISES.items()}
    return made | {"promises/_list.md": _list()}


def _list() -> str:
    """All promises, under the subjects of their modules."""
    parts = []
    for module, members in groupby(PROMISES.values(), lambda each: each.show.__module__):
        subject = (sys.modules[module].__doc__ or "").splitlines()[0].rstrip(".")
        lines = [f"- [{each.id}]({each.id}.md): {escape(each.claim)}" for each in members]
        parts.append("\n".join([f"## {subject}", "", *lines]))
    return "\n\n".join(parts) + "\n"


def _page(promise: Promise, records: Records) -> str:
    parts = (
        "---\norphan: true\n---",
        f"# {_title(promise.claim)}",
        f"[Promises](index.md): {code(promise.id)}, from: {escape(promise.source)}.",
        _since(promise, records),
        "## On each recorded kernel",
        _verdicts(promise, records),
        "## What they answered",
        show.observed(records, promise.id).text.partition("\n\n")[2],
        "## The code that shows it",
        _code(promise),
        _taught(promise),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _title(claim: str) -> str:
    is_spelled = claim.split()[0] in KERNEL_WORDS
    return escape(claim if is_spelled else claim[0].upper() + claim[1:])


def _since(promise: Promise, records: Records) -> str:
    """From when it holds, and what to do before."""
    answer = ask(Reliance(promise.id, promise.claim, (promise.id,), ""), usual(records))
    names = list(answer.outcomes)
    where = "of the recorded kernels for x86-64"
    if answer.since == names[0]:
        since = f"every one {where}, from Linux {names[0]} on."
    elif answer.since:
        earlier = names[names.index(answer.since) - 1]
        since = f"Linux {answer.since}, {where}. On {earlier}: {answer.reasons[earlier]}."
    else:
        since = f"none {where}. On {names[-1]}: {answer.reasons[names[-1]]}."
    helps = _before(promise, answer)
    return f"**Holds from**\n: {since}\n\n**What to do where it does not**\n: {helps}"


def _before(promise: Promise, answer: Answer) -> str:
    if answer.since == next(iter(answer.outcomes)):
        return "none of the recorded ones; ask the kernel that you run on, as below."
    helps = [each.before for each in RELIANCES.values() if promise.id in each.promises]
    if not helps and needs.populate in promise.needs:
        helps = [RELIANCES["populating"].before]
    if not helps:
        return "do not rely on it: ask the kernel that you run on, as below."
    return "; or ".join(dict.fromkeys(helps)) + "."


def _verdicts(promise: Promise, records: Records) -> str:
    rows = []
    for each in records:
        answer = ask(Reliance(promise.id, promise.claim, (promise.id,), ""), [each])
        kernel = f"[{each.name}](/{address(each)}.md)"
        outcome = answer.outcomes[each.name]
        rows.append((kernel, mark(outcome, WORDS[outcome]), answer.reasons.get(each.name, "")))
    return table(("kernel", "verdict", "why not"), rows)


def _code(promise: Promise) -> str:
    """In Python as it is run, and in C where there is a program."""
    parts = [
        f"`prefault-kit check {promise.id}` runs it on your kernel:",
        f"```python\n{inspect.getsource(promise.show).rstrip()}\n```",
    ]
    if promise in programs.shown():
        parts += [
            "The same as a program that needs libc alone, as "
            f"`prefault-kit check {promise.id} --as-c` prints it:",
            "```{raw} html\n<details><summary>The program in C</summary>\n```",
            f"```c\n{programs.c(promise).rstrip()}\n```",
            "```{raw} html\n</details>\n```",
        ]
    return "\n\n".join(parts)


def _taught(promise: Promise) -> str:
    places = [
        place
        for place, patterns in notebooks.checked().items()
        if any(fnmatch.fnmatchcase(promise.id, pattern) for pattern in patterns)
    ]
    lines = [f"- [](/{place}.ipynb)" for place in places]
    return "\n".join(["## Where it is shown", "", *lines]) if lines else ""

"""A page for each promise: the claim, its source, what recorded kernels answered, the code; and one
for each group of them."""

from __future__ import annotations

import fnmatch
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from docs.extension import notebooks
from docs.extension.tables import address, linked, mark, stacked, tree, truth
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
from prefault_kit.studies.promises import PROMISES, Promise, programs

Records = Sequence[Record]
WORDS = {HOLDS: "holds", EXPLAINED: "otherwise", DIFFERS: "differs", NOT_TESTABLE: "not testable"}
"""What a page says of a verdict."""
WHERE = "of the recorded kernels for x86-64"
ADVICE_IS_NEWER = "this kernel is older than Linux 5.14"
"""In the reason of a kernel that lacks the two advices."""
KERNEL_WORDS = ("fallocate", "hugetlb", "mincore", "mlock", "mmap", "smaps")
"""First words of claims that are spelled as in the kernel, in a title as well."""


def pages() -> dict[str, str]:
    """The page of each promise, and the list of all."""
    records = of_the_kit()
    groups = [
        Group(module, tuple(members))
        for module, members in groupby(PROMISES.values(), lambda each: each.show.__module__)
    ]
    lists = [f"## [{each.title}]({each.name}.md)\n\n{_claims(each, records)}" for each in groups]
    return {
        **{f"promises/{each.name}.md": _group(each, records) for each in groups},
        **{
            f"promises/{each.id}.md": _page(each, group, records)
            for group in groups
            for each in group.members
        },
        "promises/_list.md": "\n\n".join([*lists, tree(each.name for each in groups)]) + "\n",
    }


@dataclass(frozen=True)
class Group:
    """The promises of a module."""

    module: str
    members: tuple[Promise, ...]

    @property
    def name(self) -> str:
        """What its page is called."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def title(self) -> str:
        """The subject of the module; with READ and WRITE, for a narrow place."""
        return self._subject[0].replace("MADV_POPULATE_", "").rstrip(".")

    @property
    def about(self) -> str:
        """Where its claims come from, or what they are about."""
        return self._subject[2]

    @property
    def _subject(self) -> tuple[str, str, str]:
        return (sys.modules[self.module].__doc__ or "").splitlines()[0].partition(": ")


def _group(group: Group, records: Records) -> str:
    """What a group claims, and on which kernels it holds."""
    about = group.about[:1].upper() + group.about[1:]
    parts = (
        f"# {group.title}",
        f"[Promises](index.md). {about}",
        _claims(group, records),
        "## On each recorded kernel",
        "```{include} /kernels/_marks.md\n```",
        truth(records, [each.id for each in group.members]),
        tree(f"{each.id} <{each.id}>" for each in group.members),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _claims(group: Group, records: Records) -> str:
    return "\n".join(
        f"- [{each.id}]({each.id}.md): {_refuted(each, records)}{escape(each.claim)}"
        for each in group.members
    )


def _page(promise: Promise, group: Group, records: Records) -> str:
    parts = (
        f"# {_title(promise, records)}",
        f"[Promises](index.md), [{group.title}]({group.name}.md): {code(promise.id)}, "
        f"from: {escape(promise.source)}.",
        _but(promise),
        _since(promise, records),
        "## On each recorded kernel",
        _verdicts(promise, records),
        "## What they answered",
        stacked(show.observed(records, promise.id).text.partition("\n\n")[2]),
        "## The code that shows it",
        _code(promise),
        _taught(promise),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _title(promise: Promise, records: Records) -> str:
    claim = _refuted(promise, records) + promise.claim
    is_spelled = claim.split()[0] in KERNEL_WORDS
    return escape(claim if is_spelled else claim[0].upper() + claim[1:])


def _refuted(promise: Promise, records: Records) -> str:
    """What stands before a claim that the newest kernel refutes, so that nobody takes it for true;
    "" before others."""
    *_, newest = _answer(promise, records).outcomes.values()
    if newest != EXPLAINED:
        return ""
    return "2021, no longer true: " if "2021" in promise.id.split("-") else "no longer true: "


def _answer(promise: Promise, records: Records) -> Answer:
    """On which kernels for x86-64 it holds."""
    return ask(Reliance(promise.id, promise.claim, (promise.id,), ""), usual(records))


def _relied(promise: Promise) -> list[Reliance]:
    """What rests on it."""
    return [each for each in RELIANCES.values() if promise.id in each.promises]


def _but(promise: Promise) -> str:
    """Where one must not rely on it, before all else."""
    exceptions = "; ".join(each.but for each in _relied(promise) if each.but)
    return f"**But**\n: {linked(exceptions)}." if exceptions else ""


def _since(promise: Promise, records: Records) -> str:
    """From when it holds, and what to do before where something is known."""
    answer = _answer(promise, records)
    told = [f"**From when**\n: {_from(answer)}."]
    helps = dict.fromkeys(each.before for each in _relied(promise))
    if helps and answer.where(EXPLAINED, DIFFERS, NOT_TESTABLE):
        told.append(f"**What to do where it does not**\n: {'; or '.join(helps)}.")
    return "\n\n".join(told)


def _from(answer: Answer) -> str:
    """The oldest kernel that showed it, and why those before did not."""
    names = list(answer.outcomes)
    held = answer.where(HOLDS)
    if not answer.since:
        until = f"; the last on which it held is {held[-1]}" if held else ""
        return f"none {WHERE}{until}. On {names[-1]}: {answer.reasons[names[-1]]}"
    if answer.since == names[0]:
        return f"every one {WHERE}, from Linux {names[0]} on"
    earlier = names[names.index(answer.since) - 1]
    why = answer.reasons[earlier]
    if answer.outcomes[earlier] != NOT_TESTABLE:
        return f"Linux {answer.since}, {WHERE}. On {earlier}: {why}"
    if ADVICE_IS_NEWER in why:
        return (
            f"every one {WHERE} that has the advice, which came with Linux 5.14; the oldest of "
            f"them is {answer.since}"
        )
    return f"shown from Linux {answer.since}, {WHERE}; not observable on {earlier}: {why}"


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

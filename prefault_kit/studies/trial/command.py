"""The words of the command line that ask for a trial."""

from __future__ import annotations

import os
import shlex

from prefault_kit.kernel.tracer import KINDS
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.plan import Plan


def words(plan: Plan) -> tuple[str, ...]:
    """The options of ``prefault-kit try`` for a plan, those that say nothing new left out.

    Sizes are in bytes. Whether files may be evicted is no part of it: that is asked for anew.

    >>> words(Plan(("true",), repeats=9, candidates=("HUGEPAGE",)))
    ('--only', 'HUGEPAGE', '--repeats', '9')
    """
    usual = Plan(plan.command)
    found: list[str] = []

    def say(option: str, value: object, unless: object = None) -> None:
        if value != unless:
            found.extend((option, f"{value:g}" if isinstance(value, float) else str(value)))

    choice, setting = plan.choice, plan.setting
    say("--min-size", choice.least_bytes, usual.choice.least_bytes)
    say("--max-size", choice.most_bytes, usual.choice.most_bytes)
    for kind in choice.kinds if set(choice.kinds) != set(KINDS) else ():
        say("--kind", kind)
    say("--path", choice.path, "")
    say("--mapping", plan.only_group)
    say("--at", choice.moment, "auto")
    for name in plan.candidates if set(plan.candidates) != set(CANDIDATES) else ():
        say("--only", name)
    for name, command in (plan.variants or {}).items():
        say("--variant", f"{name}={shlex.join(command)}")
    if setting.ready:
        say("--ready", setting.ready.pattern)
        say("--port", setting.ready.port)
    say("--load", shlex.join(setting.load), "")
    say("--by", plan.measure and plan.measure.removesuffix("_ms"))
    say("--repeats", plan.repeats, usual.repeats)
    say("--start", plan.start, usual.start)
    for path in plan.evicted:
        say("--file", path)
    say("--memory-limit", plan.memory_limit_bytes)
    say("--io-limit", plan.io_limit_bytes)
    say("--budget", setting.most_bytes, 0)
    say("--stdin", setting.stdin, os.devnull)
    say("--timeout", setting.timeout_s, usual.setting.timeout_s)
    return tuple(found)

"""What was done, with branches, as it is saved, named and shared."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from prefault_kit.studies.playground.ground import Ground, Step
from prefault_kit.studies.playground.operations import check

FORMAT = "prefault-kit playground/1"
LINK = "prefault:"
"""How a history begins that is shared as a line of text."""
MOST_STEPS = 10_000
MOST_BRANCHES = 100
MOST_BYTES = 1 << 20
"""Of a saved history, also once it is unpacked."""
NAME_CHARACTERS = 80


@dataclass
class History:
    """Steps on a ground. Another step after going back begins a branch; the old one stays."""

    ground: Ground
    steps: list[Step] = field(default_factory=list)
    branches: dict[str, list[Step]] = field(default_factory=dict)
    """The other ways that were gone, by name."""
    name: str = "playground"

    def add(self, step: Step) -> None:
        """Go on by a step; ValueError where it is too long."""
        if len(self.steps) >= MOST_STEPS:
            raise ValueError(f"a history has {MOST_STEPS:,} steps at most: begin a new one")
        self.steps.append(step)

    def back(self, count: int) -> None:
        """Keep the first ``count`` steps; all of them stay as a branch."""
        if count < len(self.steps):
            self._keep()
            self.steps = self.steps[:count]

    def switch(self, name: str) -> None:
        """Go to a branch; where we were stays as a branch."""
        steps = self.branches.pop(name)
        self._keep()
        self.steps = steps

    def _keep(self) -> None:
        known = self.branches.values()
        if not self.steps or any(each[: len(self.steps)] == self.steps for each in known):
            return
        number = 1
        while (name := f"branch {number}") in self.branches:
            number += 1
        if len(self.branches) >= MOST_BRANCHES:
            del self.branches[next(iter(self.branches))]
        self.branches[name] = list(self.steps)

    def dump(self) -> str:
        """The text of a file."""
        saved = {
            "format": FORMAT,
            "name": self.name,
            "ground": self.ground.as_dict() | {"directory": None},
            "steps": [step.as_dict() for step in self.steps],
            "branches": {
                name: [step.as_dict() for step in steps] for name, steps in self.branches.items()
            },
        }
        return json.dumps(saved, indent=1) + "\n"

    def link(self) -> str:
        """A line of text to share; :meth:`load` reads it again."""
        compact = json.dumps(json.loads(self.dump()), separators=(",", ":")).encode()
        return LINK + base64.urlsafe_b64encode(zlib.compress(compact, 9)).decode().rstrip("=")

    @classmethod
    def load(cls, text: str, directory: str | None = None) -> Self:
        """A history from what :meth:`dump` or :meth:`link` gave; ValueError says what is wrong.

        Nothing of it is run. Files are made in ``directory``, whatever was saved.
        """
        saved = _parse(text.strip())
        words = _of(saved, "ground", dict)
        where = directory if words.get("kind") == "file" else None
        ground = Ground.of(words | {"directory": where})
        branches = _of(saved, "branches", dict)
        if len(branches) > MOST_BRANCHES:
            raise ValueError(f"a history has {MOST_BRANCHES} branches at most")
        return cls(
            ground,
            _steps(_of(saved, "steps", list), ground),
            {str(name)[:NAME_CHARACTERS]: _steps(each, ground) for name, each in branches.items()},
            _of(saved, "name", str)[:NAME_CHARACTERS],
        )


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise ValueError(f"a saved history has {MOST_BYTES:,} bytes at most")
    try:
        if text.startswith(LINK):
            packed = text.removeprefix(LINK)
            data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
            text = zlib.decompressobj().decompress(data, MOST_BYTES).decode()
        saved = json.loads(text)
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise ValueError(f"this is no saved history: {error}"[:200]) from None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise ValueError(f"this is no saved history: it does not say {FORMAT!r}")
    return saved


def _of(saved: dict[str, Any], name: str, kind: type[Any]) -> Any:
    if not isinstance(saved.get(name), kind):
        raise ValueError(f"this is no saved history: its {name} is missing or of another kind")
    return saved[name]


def _steps(saved: Sequence[object], ground: Ground) -> list[Step]:
    if not isinstance(saved, list) or len(saved) > MOST_STEPS:
        raise ValueError(f"a history is a list of {MOST_STEPS:,} steps at most")
    steps = [Step.of(each) for each in saved]
    for step in steps:
        check(step, ground)
    return steps

"""How runs that are compared take turns: one repetition of each, then the next of each.

What disturbs the machine for a while then disturbs them all. Repetition 0 is the warm-up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

Case = TypeVar("Case")
SEED = 2021


def interleave(
    cases: Sequence[Case], repeats: int, *, turning: bool = False, shuffled: bool = False
) -> Iterator[tuple[int, int, Case]]:
    """Yield repetition, index and case: the warm-up of each case, then ``repeats`` rounds.

    With ``turning`` each round begins with the next case, so that none is always the first. With
    ``shuffled`` each round has an order of its own, so that none always follows the same other
    one, whose traces it would run on; the orders are the same every time.

    >>> [(repetition, case) for repetition, _, case in interleave("ab", 1)]
    [(0, 'a'), (0, 'b'), (1, 'a'), (1, 'b')]
    """
    drawn = random.Random(SEED)
    for repetition in range(repeats + 1):
        first = repetition % len(cases) if turning and cases else 0
        order = [*range(first, len(cases)), *range(first)]
        if shuffled:
            drawn.shuffle(order)
        for index in order:
            yield repetition, index, cases[index]

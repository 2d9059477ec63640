"""prefault_kit.measure.interleaving: whose turn it is."""

from prefault_kit.measure.interleaving import interleave


def order(*words: object, **known: bool) -> list[tuple[int, str]]:
    return [(repetition, case) for repetition, _, case in interleave(*words, **known)]  # type: ignore[arg-type]


def test_a_round_has_every_case_once() -> None:
    """The warm-up first, then as many rounds as there are repetitions."""
    found = list(interleave("abc", 2))
    assert [repetition for repetition, _, _ in found] == [0] * 3 + [1] * 3 + [2] * 3
    assert [case for _, _, case in found] == list("abc") * 3
    assert all("abc"[index] == case for _, index, case in found)


def test_a_turning_round_begins_with_the_next_case() -> None:
    """None is always the first, and each has its turn in each round."""
    found = order("abc", 3, turning=True)
    assert "".join(case for _, case in found) == "abcbcacababc"
    assert all("abc"[index] == case for _, index, case in interleave("abc", 3, turning=True))


def test_without_a_case_nothing_happens() -> None:
    """Turning or not."""
    assert order((), 3) == order((), 3, turning=True) == []


def test_shuffled_rounds() -> None:
    """Each round has every case once, in an order of its own, and the same orders every time."""
    rounds = [[], [], [], []]  # type: list[list[str]]
    for repetition, index, case in interleave("abcde", 3, shuffled=True):
        assert "abcde"[index] == case
        rounds[repetition].append(case)
    assert all(sorted(each) == list("abcde") for each in rounds)
    assert len({tuple(each) for each in rounds}) == 4
    again = [case for _, _, case in interleave("abcde", 3, shuffled=True)]
    assert again == [case for each in rounds for case in each]

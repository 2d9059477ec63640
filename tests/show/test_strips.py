"""prefault_kit.show.strips: a look for every word."""

from prefault_kit.show import strips as looks
from prefault_kit.studies.playground.strips import BEYOND, CACHE, STORAGE, TABLE


def test_every_word_has_a_look_of_its_own() -> None:
    """Within a strip no two words have the same colour and hatch; nothing is known by colour
    alone among those that stand side by side."""
    for strip in ((*TABLE,), (*CACHE, BEYOND), (*STORAGE, BEYOND), looks.WORDS["access"]):
        seen = [looks.look(word) for word in strip]
        assert len(set(seen)) == len(seen)


def test_of_several_words_the_strictest_is_seen() -> None:
    """What is locked and may only be read looks as protected or locked, not as usual."""
    assert looks.look("rw locked") == looks.look("locked")
    assert looks.look("r locked protected") == looks.look("protected")
    assert looks.look("none locked") == looks.look("none")

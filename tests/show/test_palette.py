"""prefault_kit.show.palette: colours that are told apart."""

import re

from prefault_kit.show import palette

COLOURS = {name: value for name, value in vars(palette).items() if name.isupper()}


def test_each_colour_is_another() -> None:
    """As browsers, Bokeh and Matplotlib read them: six hexadecimal digits."""
    assert len(set(COLOURS.values())) == len(COLOURS) == 8
    assert all(re.fullmatch(r"#[0-9A-F]{6}", value) for value in COLOURS.values())

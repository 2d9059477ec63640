"""prefault_kit.screens.playground.text: what is said, and nothing that is not escaped."""

from prefault_kit.screens.playground import Playground, text


def test_a_legend_counts_the_pages(model: Playground) -> None:
    """Of each strip; what may be done is counted by each of its words."""
    model.do("read", 0, 3)
    model.do("mprotect r", 0, 2)
    strips = model.strips()
    assert strips is not None
    said = text.legend(strips, ("table", "access"))
    assert "zero page <b>3</b>" in said
    assert f"not present <b>{model.pages - 3}</b>" in said
    assert "</i>r <b>2</b>" in said
    assert f"</i>rw <b>{model.pages - 2}</b>" in said


def test_amounts_tell_what_a_step_changed(model: Playground) -> None:
    """By sign and unit; what stayed has no figure."""
    model.begin()
    model.do("write", 0, 4)
    said = text.amounts(model.strips(), model.strips(back=1))
    size = 4 * model.ground.size_bytes // model.pages
    assert f"<td>+{size // 1024} KiB</td>" in said
    assert "<td>locked</td><td>0</td><td></td>" in said


def test_a_program_is_escaped() -> None:
    """Nothing of it is an element."""
    assert "&lt;b&gt; &amp; &quot;c&quot;" in text.code('<b> & "c"')

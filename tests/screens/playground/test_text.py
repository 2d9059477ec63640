"""prefault_kit.screens.playground.text: what is said, and nothing that is not escaped."""

from prefault_kit.screens.playground import Playground, text
from prefault_kit.studies.playground import Strips


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


def test_pages_of_a_folio_are_counted_and_told(model: Playground) -> None:
    """As far as they are in the range; the page behind it is in none."""
    strips = Strips(
        runs={
            "table": [(8, "of the file")],
            "cache": [(8, "cached")],
            "storage": None,
            "access": [(8, "rw")],
            "folio": [(2, ""), (4, "2"), (1, "6"), (1, "")],
        },
        bytes={"rss": 4096, "pss": 2048, "dirty": 0, "blocks": None},
    )
    assert "in a folio of several pages <b>5</b>" in text.legend(strips, ("table",))
    said = {}
    for page in (1, 5, 6, 7):
        model.choose(page, 1)
        said[page] = text.cursor(model, strips)
    assert "with 4 pages of its folio" in said[5]
    assert "a page of a folio" in said[6]
    assert "folio" not in said[1] + said[7]
    line = text.amounts_line(strips, None)
    assert "resident (RSS) <b>4 KiB</b>" in line
    assert "its share (PSS) <b>2 KiB</b>" in line
    assert "dirty (smaps) <b>0</b>" in line
    assert "storage" not in line

"""prefault_kit.show.claims: what notebooks print."""

from prefault_kit.host import Capability
from prefault_kit.show.claims import Range, Table, doctor, verdicts


def test_a_table_reads_the_same_without_html() -> None:
    """Columns are aligned, and HTML is escaped."""
    table = Table(("what", "here"), (("a < b", "yes"), ("c", "no")))
    assert repr(table) == "what   here\na < b  yes\nc      no"
    assert "a &lt; b" in table._repr_html_()


def test_verdicts_say_what_differs() -> None:
    """Equal holds; anything else is a NO that cannot be overlooked."""
    table = verdicts(("pages", 512, 512), ("errno", "EINVAL", "EFAULT"))
    assert [row[-1] for row in table.rows] == ["yes", "NO"]


def test_verdicts_read_as_words() -> None:
    """Numbers as everywhere in the kit, and nothing in the spelling of Python."""
    table = verdicts(
        ("pages", 1024, 1024),
        ("true", True, False),
        ("of hosts", {"done"}, {"done", "asleep"}),
        ("before and after", ("all", "none"), ()),
    )
    assert [row[1:3] for row in table.rows] == [
        ("1,024", "1,024"),
        ("yes", "no"),
        ("done", "asleep, done"),
        ("all, none", "none"),
    ]


def test_a_measured_figure_is_held_to_a_range() -> None:
    """Both ends hold; what lies outside, or was not measured, does not."""
    table = verdicts(
        ("low end", Range(0.5, 2), 0.5),
        ("high end", Range(0.5, 2), 2),
        ("outside", Range(0.5, 2), 2.0049),
        ("not measured", Range(0.5, 2), None),
    )
    assert [row[1:] for row in table.rows] == [
        ("0.5 to 2", "0.5", "yes"),
        ("0.5 to 2", "2", "yes"),
        ("0.5 to 2", "2", "NO"),
        ("0.5 to 2", "None", "NO"),
    ]


def test_doctor_names_no_directory() -> None:
    """What is printed may be shown to others; commands stay as they must be typed."""
    found = [
        Capability("file", True, "/home/someone/data on ext4, 3 GiB free"),
        Capability("hugetlbfs 2 MiB", False, "0 of 0", "no huge page is free", "echo 1 | sudo tee"),
    ]
    assert doctor(found).rows == (
        ("file", "yes", "DIR on ext4, 3 GiB free", ""),
        ("hugetlbfs 2 MiB", "no", "no huge page is free", "echo 1 | sudo tee"),
    )


def test_doctor_asks_this_host() -> None:
    """Anonymous memory is there on every host."""
    assert any(row[0].startswith("anon") and row[1] == "yes" for row in doctor().rows)

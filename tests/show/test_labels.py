"""prefault_kit.show.labels: what tells results apart."""

from prefault_kit.show import labels
from tests.show.made import result


def test_labels_name_the_method_and_what_differs() -> None:
    """What all results share is said once, above."""
    read, write, cached = result(), result(method="Write"), result(start="cached")
    assert labels.labels([read, write]) == ["Read", "Write"]
    assert labels.common([read, write]) == ", ".join(labels.traits(read))
    assert labels.labels([read, cached]) == ["Read\nempty start", "Read\ncached start"]
    assert "empty" not in labels.common([read, cached])


def test_labels_are_unique() -> None:
    """The same cell run twice is numbered."""
    assert labels.labels([result(), result()]) == ["Read #1", "Read #2"]
    cached = result(start="cached")
    assert labels.labels([result(), cached, cached]) == [
        "Read\nempty start",
        "Read #1\ncached start",
        "Read #2\ncached start",
    ]
    assert labels.labels([]) == []
    assert labels.common([]) == ""


def test_memory_of_another_host_has_a_label() -> None:
    """A result may be of pages that this host does not have."""
    huge = result(backing="anon", page_size_bytes=512 << 20, size_bytes=4 << 30)
    assert labels.traits(huge) == ("Anon 512 MiB", "shared", "4 GiB", "empty start")


def test_letters_do_not_run_out() -> None:
    """Of many kernels of one's own, or of many hosts."""
    assert [labels.letters(at) for at in (0, 25, 26, 27, 701, 702)] == [
        "A", "Z", "AA", "AB", "ZZ", "AAA",
    ]  # fmt: skip

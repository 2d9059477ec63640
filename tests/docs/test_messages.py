"""docs.extension.messages: what the kit says, read from its source."""

from __future__ import annotations

from pathlib import Path

from docs.extension import messages


def test_sentences_are_found_with_what_helps(tmp_path: Path) -> None:
    """What is filled in is a gap; a sentence that is all gap is none."""
    module = tmp_path / "module.py"
    module.write_text(
        'Unavailable(f"{count} huge pages are missing", "sysctl vm.nr_hugepages=64")\n'
        "Unavailable('no perf')\nUnavailable(reason, command)\n"
    )
    assert list(messages.refusals(module)) == [
        ("… huge pages are missing", "sysctl vm.nr_hugepages=64"),
        ("no perf", ""),
    ]


def test_the_table_has_what_doctor_says() -> None:
    """From wherever in the kit."""
    text = messages.pages()["reference/_refusals.md"]
    assert text.count("\n") > 60
    assert "this user may not write there" in text

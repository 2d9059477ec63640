"""``prefault-kit compare``: recorded runs side by side."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.command import prefault_here, sentence
from tests.studies.comparison.made import KERNELS, answer, jittered


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Seven grids of ten cells; the second host is slower."""
    place = tmp_path_factory.mktemp("grids")
    return [
        str(
            jittered(
                place / f"host-{at}.csv", at, factor=1 + (at == 1), cells=10, kernel=f"6.{at % 3}"
            )
        )
        for at in range(7)
    ]


def test_two_grids_stand_side_by_side(grids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 80 columns; what differs between the hosts comes before any ratio."""
    monkeypatch.setenv("COLUMNS", "80")
    done = prefault_here("compare", *grids[:2])
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert done.stdout.index("6.0 (A); 6.1 (B)") < done.stdout.index("times as long as A")
    assert sum("POPULATE_WRITE" in line for line in lines) == 2
    assert "10 slower" in done.stdout


def test_many_hosts_go_down(grids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary of each; cells that are chosen, with a line for each host."""
    monkeypatch.setenv("COLUMNS", "80")
    done = prefault_here("compare", *grids)
    assert "10 cells of 7 hosts do not fit side by side: choose" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    chosen = prefault_here("compare", *grids, "--only", "anon read")
    assert chosen.stdout.count("host-3") == 2
    assert "private anon 4 KiB, 2 MiB, Read" in chosen.stdout
    assert max(map(len, chosen.stdout.splitlines())) <= 80


def test_verdicts_are_compared_by_promise(tmp_path: Path) -> None:
    """Of two kernels with what was seen; of more, which promises differ."""
    paths = [str(KERNELS / f"{each}.json") for each in ("6.1.176", "6.12.117", "7.3.4")]
    two = prefault_here("compare", *paths[:2])
    assert "error-2021-hole: yes (A); otherwise (B)" in two.stdout
    assert "holds, ENOMEM, 311 pages beyond the hole (A); differs, ENOMEM, 0 pages" in two.stdout
    three = prefault_here("compare", *paths)
    assert "permission-vvar: yes (A, B); otherwise (C)" in three.stdout
    assert "311 pages" not in three.stdout
    said = json.loads(prefault_here("compare", *paths, "--json", "--only", "error-*").stdout)
    assert {each["id"].partition("-")[0] for each in said["promises"]} == {"error"}


def test_the_page_is_a_new_file(grids: list[str], tmp_path: Path) -> None:
    """Tried before anything is read; one that is there is left as it is."""
    pytest.importorskip("jinja2")
    page = tmp_path / "a.html"
    done = prefault_here("compare", *grids[:2], "--export", str(page), "--json")
    assert json.loads(done.stdout)["kind"] == "grid"
    text = page.read_text()
    assert "6.0 (A); 6.1 (B)" in text
    again = prefault_here("compare", "none", "none", "--export", str(page))
    assert (again.returncode, "exists already" in sentence(again)) == (2, True)
    assert page.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([answer(id="<b>")]), "a promise in it is called '<b>'"),
        ('{"schema": "prefault-kit/9"}', "another version"),
        ("schema,\x1b[2J\n", "another version"),
        ("", "neither a table nor JSON"),
    ],
)
def test_a_strangers_file_is_refused_in_a_sentence(
    grids: list[str], tmp_path: Path, content: str, words: str
) -> None:
    """Exit 2, with the file's name, even if a terminal would not print it."""
    path = tmp_path / "a\x07b.json"
    path.write_text(content)
    done = prefault_here("compare", grids[0], str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in sentence(done)
    assert "a\\x07b.json" in done.stderr


def test_bad_usage_is_one_sentence(grids: list[str]) -> None:
    """One file, none at all, no such file, a pattern that names nothing, two kinds."""
    for arguments, words in (
        ((), "name two recorded runs or more"),
        ((grids[0],), "name two recorded runs or more"),
        ((grids[0], "none.csv"), "none.csv: no such file"),
        ((grids[0], os.curdir), ". cannot be compared: it is a directory"),
        ((*grids[:2], "--only", "paper"), "'paper' names none of the 10"),
        ((grids[0], str(KERNELS / "7.3.4.json")), "compare runs of one kind"),
    ):
        done = prefault_here("compare", *arguments)
        assert (done.returncode, words in sentence(done)) == (2, True), done.stderr

"""prefault_kit.show.comparison: runs side by side, in words."""

import json

import pytest

from prefault_kit.measure import saved
from prefault_kit.show import comparison as show
from prefault_kit.studies.comparison import Run, compare
from prefault_kit.studies.comparison.facts import FACTS, SIDE_BY_SIDE
from tests.studies.comparison.made import answer, grid, result, verdicts


def test_what_differs_is_told_with_letters() -> None:
    """Many hosts are counted; without facts, that is what is told."""
    runs = [grid(f"run {at}", result(1.0), kernel=f"6.{at % 2}") for at in range(30)]
    found = compare(runs)
    ((name, values),) = show.differences(found)
    assert name == "kernel"
    assert values.startswith("6.0 (A, C, E, G, I, K, M, O, Q, S, U and 4 more); 6.1 (B, D,")
    assert show.warning(found).startswith("Before any figure is read")
    assert show.warning(compare(runs[:1] * 2)).startswith("The hosts do not differ")
    unknown = Run("x", "grid", {}, (result(1.0),))
    assert show.warning(compare([unknown, unknown])).startswith("No run says")
    assert "does not say of which host" in show.about(unknown)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("page_size_bytes", 65536, "64 KiB"),
        ("huge_page_sizes_bytes", [2 << 20, 1 << 30], "2 MiB, 1 GiB"),
        ("huge_page_sizes_bytes", "none", "none"),
        (
            "huge_page_pools",
            [{"page_size_bytes": 2 << 20, "total": 4, "free": 3, "reserved": 0}],
            "4 of 2 MiB, 3 free",
        ),
        ("swap_bytes", 0, "none"),
        ("damon", ["kdamond.0"], "kdamond.0"),
        ("thp", None, "unknown"),
        ("repeats", (3, 10), "3, 10"),
        ("kernel", "6.1\x1b", "6.1\\x1b"),
    ],
)
def test_facts_in_words(name: str, value: object, words: str) -> None:
    """Sizes with their units, what is missing as that."""
    assert show.fact(name, value) == words


def test_every_fact_has_words() -> None:
    """Those of the host and those of the run."""
    assert set(show.FACTS) == {*FACTS, *SIDE_BY_SIDE}


def test_times_and_ratios() -> None:
    """What failed or was not run says so; an interval only where there is one."""
    a = grid("a", result(1.0, 1.0, 1.0), result(1.0, method="Write"), result(method="MLOCK"))
    b = grid("b", result(2.0, 2.0, 2.0), result(0.01, method="Write"))
    read, write, locked = compare([a, b]).cells
    assert show.ratio(read.entries[1]) == "2.00 (2.00 to 2.00)"
    assert show.ratio(write.entries[1]) == "0.01"
    assert [show.time(each) for each in locked.entries] == ["unavailable", "-"]
    assert show.ratio(locked.entries[1]) == ""
    assert show.best(read.entries[1]) == "2.00 ms"
    assert [memory for memory, _ in show.by_memory([read, write])] == ["private anon 4 KiB, 2 MiB"]


def test_a_summary_in_words() -> None:
    """With what is in one run alone; with nothing in common, that."""
    a = grid("a", result(1.0, 1.0, 1.0), result(1.0, method="Write"))
    found = compare([a, grid("b", result(2.0, 2.0, 2.0))])
    assert show.summary_sentence(found, 1) == (
        "B takes 2.00 times as long as A at the median of 1 cell, 2.00 to 2.00: 0 faster, "
        "1 slower, 0 within noise; 1 cell timed in one of them alone"
    )
    assert show.summary_cells("B", found.summaries[0])[1] == "1 (+1)"
    apart = compare([a, grid("b", result(1.0, method="MLOCK"))])
    assert show.summary_sentence(apart, 1) == "B and A have no cell in common that was timed"


def test_what_was_seen_where() -> None:
    """Kinds of memory with the same answers stand together."""
    on = [{"backing": f"private file on {each}"} for each in ("ext4", "xfs")]
    a = verdicts("a", *(answer(**each) for each in on), answer("b"))
    other = {"verdict": "differs", "observed": "2", "reason": "since 6.4"}
    b = verdicts("b", *(answer(**other, **each) for each in on), answer("b"))
    found = compare([a, b])
    assert show.promise_sentence(found) == "1 of 2 promises differ between the hosts"
    (promise,) = show.differing(found.promises)
    assert show.outcomes(promise) == "yes (A); otherwise (B)"
    assert show.seen(promise) == [
        ("private file on ext4, private file on xfs", "holds, 1 (A); differs, 2: since 6.4 (B)")
    ]


def test_the_json_has_every_figure() -> None:
    """By the names of the runs."""
    a, b = grid("a", result(1.0, 1.0, 1.0)), grid("b", result(2.0, 2.0, 2.0), thp="never")
    said = json.loads(saved.json_text(show.as_dict(compare([a, b]))))
    assert said["differences"][0]["values"][1] == {"value": "never", "runs": ["b"]}
    assert said["cells"][0]["runs"][1] == {
        "run": "b", "outcome": "ok", "errno": None, "repeats": 3, "best_ms": 2.0,
        "median_ms": 2.0, "ratio": 2.0, "low": 2.0, "high": 2.0, "best_ratio": 2.0,
        "verdict": "slower",
    }  # fmt: skip
    assert said["summaries"][0]["slower"] == 1
    asked = show.as_dict(compare([verdicts("a", answer()), verdicts("b", answer(observed="2"))]))
    assert asked["promises"][0]["differing"][0]["answers"]["b"]["observed"] == "2"

"""prefault_kit.show.trial_page: a page and a summary, whatever a program is called."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from prefault_kit.show.trial_page import MOST_MAPPINGS, MOST_SUMMARIZED, markdown, page
from prefault_kit.studies.trial import Row, Trial
from prefault_kit.studies.trial.places import Place
from prefault_kit.studies.trial.result import Again, FaultCounts, Resident, Seen, Wait
from tests.studies.trial.made import ARRAY, FAST, PLAIN, SLOW, row, runs, trial

pytest.importorskip("jinja2")
HOSTILE = "<script>alert(1)</script>|`*\x1b]0;\n"
BASE = Seen(
    (Resident(10 << 20, 3), None), 1 << 21, (FaultCounts(5000, 7), FaultCounts(0, 0)),
    FaultCounts(20, 0), Wait(1.5, 0, True), 3.0,
)  # fmt: skip
BEST = replace(
    BASE,
    resident=(Resident(40 << 20, 3), None),
    faults=(FaultCounts(1, 0), FaultCounts(0, 0)),
    kernel_included=False,
    lost=9,
)
FOUND = trial(
    PLAIN[0],
    replace(PLAIN[1], seen=BASE),
    replace(row("POPULATE_WRITE", *FAST, refused={"it is a stack": 2}), seen=BEST),
    Row("WILLNEED", "not-applicable", "it is for files alone"),
    again=[Again("POPULATE_WRITE", runs(FAST), runs(SLOW))],
    notes=("its exit status is 9",),
    host={"kernel": "6.18", "cpu": "a cpu", "memory_bytes": 1 << 30},
    options=("--repeats", "9"),
)


def text_of(html: str) -> str:
    """What a reader sees."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<body>")[2]))


@pytest.mark.parametrize("told", [lambda: text_of(page(FOUND)), lambda: markdown(FOUND)])
def test_all_that_a_reader_needs(told: object) -> None:
    """The answer first; gain and interval, place, line, cost, refusals, host, command."""
    assert callable(told)
    said = told().replace("\\", "")
    places = [
        said.index(words)
        for words in (
            "POPULATE_WRITE: the wall time is 0.50 of what it was (",
            "made at make (array.so+0x20)",
            "madvise(p, n, MADV_POPULATE_WRITE);",
            "30 MiB (75%) are not without the advice",
        )
    ]
    assert places == sorted(places)
    for words in (
        "it is a stack", "It is for files alone", "exit status is 9", "Linux 6.18", "took turns",
        "prefault-kit try --repeats 9 -- python3 x.py", "5,007 (7 major)", "1.50 ms in 1",
        "9 faults came too fast", "perf_event_paranoid", "x*.bin", "30 MiB (75%)",
    ):  # fmt: skip
        assert words in said, words


def test_the_page_is_by_itself() -> None:
    """No script, no address, nothing to load; light and dark; a table of faults by mapping."""
    html = page(FOUND)
    assert "<script" not in html
    assert set(re.findall(r"https?://[^\"]*", html)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"(src|href|url)\s*[=(]", html)
    assert "prefers-color-scheme: dark" in html
    assert "<svg" in html and "Faults by mapping" in html
    assert 'class="recommended"' in html


def test_names_are_harmless() -> None:
    """Of the program, a row, a file, a function, a message, the host."""
    group = replace(ARRAY, path=HOSTILE, stack=(Place(HOSTILE, 1, HOSTILE),), advice=(HOSTILE,))
    found = replace(
        trial(
            *PLAIN,
            row(HOSTILE, *FAST),
            Row("WILLNEED", "error", HOSTILE),
            again=[Again(HOSTILE, runs(FAST), runs(SLOW))],
            notes=(HOSTILE,),
            host={"kernel": HOSTILE, "memory_bytes": HOSTILE, "thp": [HOSTILE]},
            groups=(group,),
            chosen=(group,),
            options=("--variant", HOSTILE),
        ),
        command=(HOSTILE, HOSTILE),
    )
    html, summary = page(found), markdown(found)
    for said in (html, summary):
        no_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"\\.", "", said))
        assert "<script" not in no_code and "\x1b" not in said
    assert "&lt;script&gt;" in html
    rows = [each for each in summary.splitlines() if each.startswith("|")]
    assert all(each.endswith("|") for each in rows)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (trial(), "Nothing could be compared."),
        (trial(*PLAIN, groups=(), chosen=()), "No difference beyond noise"),
        (
            trial(*PLAIN, Row("HUGEPAGE", "error", "SIGBUS ended it")),
            "HUGEPAGE: SIGBUS ended it.",
        ),
        (replace(trial(), outcome="error", message="it failed"), "It failed."),
        (trial(*PLAIN, measure="ready_ms"), "No difference"),
    ],
    ids=["no rows", "nothing chosen", "all failed", "error", "no such time"],
)
def test_a_trial_with_little_in_it(found: Trial, said: str) -> None:
    """Is shown all the same."""
    assert said in text_of(page(found)).replace("\\", "")
    assert said in markdown(found).replace("\\", "")


def test_ten_thousand_mappings() -> None:
    """The largest are shown, how many there are is told, and nothing takes long."""
    groups = tuple(replace(ARRAY, path=f"/data/{number}") for number in range(10_000))
    counts = tuple(FaultCounts(1, 0) for _ in groups)
    seen = Seen((None,) * len(groups), None, counts, FaultCounts(1, 0))
    found = trial(PLAIN[0], replace(PLAIN[1], seen=seen), groups=groups, chosen=groups)
    html, summary = page(found), markdown(found)
    assert f"And {10_000 - MOST_MAPPINGS:,} lines more" in html
    assert f"And {10_000 - MOST_SUMMARIZED:,} lines more" in summary
    assert len(html) < 500_000 and len(summary) < 20_000
    assert "elsewhere" in html.partition("Faults by mapping")[2]

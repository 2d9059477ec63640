"""prefault_kit.studies.field.cases: the rows agree with themselves and with notebook 17."""

import re
from pathlib import Path

import nbformat
import pytest

from prefault_kit.studies.field import CASES, Case
from prefault_kit.studies.field.claims import LOOKS, Ends, Ratio, Share

NOTEBOOK = Path(__file__).parents[3] / "notebooks/17-cases-from-the-field.ipynb"
CELLS = nbformat.read(NOTEBOOK, as_version=4).cells


def section(case: Case) -> list[nbformat.NotebookNode]:
    """The cells of a case's section."""
    heads = [
        number
        for number, cell in enumerate(CELLS)
        if cell.cell_type == "markdown" and cell.source.startswith("## ")
    ]
    begin = next(n for n in heads if CELLS[n].source.startswith(f"## {case.title}\n"))
    return CELLS[begin : next(n for n in heads if n > begin)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_row_agrees_with_itself(case: Case) -> None:
    """What a claim or a comparison names is there."""
    ways = [way.name for way in case.ways]
    assert len(set(ways)) == len(ways)
    assert {way.over for way in case.ways} <= {"", *ways}
    assert set(case.looks) <= set(LOOKS)
    assert any(not claim.timed for claim in case.claims)
    for claim in case.claims:
        assert isinstance(claim, (Ratio, Share, Ends))
        assert claim.way in ways
        assert not isinstance(claim, Ratio) or claim.over in ways
        assert not isinstance(claim, Share) or claim.look in case.looks


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_notebook_tells_the_same(case: Case) -> None:
    """Its section has the sources, the question to predict, and runs this case."""
    cells = section(case)
    text = " ".join(cells[0].source.split())
    for source in case.sources:
        assert f"]({source})" in text
    assert f"**Predict:** {case.question}" in text
    assert f'field.run("{case.id}")' in "".join(cell.source for cell in cells)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_verdict_in_prose_is_that_of_the_stored_run(case: Case) -> None:
    """*Holds* stands beside stored verdicts that hold, *No longer* beside a count that differs; a
    time may differ where the row says why."""
    cells = section(case)
    tables = [
        output["data"]["text/plain"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    rows = [line for table in tables for line in table.splitlines() if line.startswith("| ")]
    texts = {claim.text for claim in case.claims}
    split = [row.strip("| ").split(" | ") for row in rows]
    verdicts = [row[-1] for row in split if row[0] in texts]
    assert len(verdicts) == len(case.claims)
    word = re.match(r"\*\*(Holds|Both hold|No longer)", cells[-1].source)
    assert word, cells[-1].source
    if word[1] == "No longer":
        assert any(each.startswith("differs: ") for each in verdicts)
    else:
        may = {f"differs: {claim.reason}" for claim in case.claims if claim.timed and claim.reason}
        assert set(verdicts) <= {"holds", *may}


def test_the_order_is_that_of_the_notebook() -> None:
    """A row a section."""
    run = re.findall(r'field\.run\("([\w-]+)"\)', "\n".join(cell.source for cell in CELLS))
    assert run == list(CASES)

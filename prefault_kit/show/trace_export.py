"""Write the page of a trace and its figures beside it: both files or neither, over none."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.measure import saved
from prefault_kit.measure.trace import Trace
from prefault_kit.show.trace import as_dict
from prefault_kit.show.trace_page import page
from prefault_kit.studies.trace.comparison import Comparison


def files(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The page and the JSON beside it; ValueError if the page is to end with ``.json``."""
    page = Path(path)
    if not page.name or page.suffix == ".json":
        raise ValueError(f"{str(page)!r} is no name of a page: name it, such as trace.html")
    return page, page.with_suffix(".json")


def check(path: str | os.PathLike[str]) -> None:
    """Try whether :func:`save` can write there, and leave nothing behind; raises what it raises."""
    for each in files(path):
        saved.attempt(each)


def save(path: str | os.PathLike[str], trace: Trace, compared: Comparison | None = None) -> None:
    """Write both. FileExistsError if there is either; OSError as it comes, and then neither is."""
    check(path)
    html, beside = files(path)
    texts = {
        html: page(trace, compared, beside=beside.name),
        beside: saved.json_text(as_dict(trace, compared)) + "\n",
    }
    saved.write_all(texts)

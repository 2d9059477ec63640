"""Write the page of a process and its figures beside it: both files or neither, over none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefault_kit.measure import saved
from prefault_kit.show.process import as_dict
from prefault_kit.show.process_page import page
from prefault_kit.studies.process import Changes, Diagnosis, Faults, Overview, PageMap


def files(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The page and the JSON beside it; ValueError if the page is to end with ``.json``."""
    page = Path(path)
    if not page.name or page.suffix == ".json":
        raise ValueError(f"{str(page)!r} is no name of a page: name it, such as process.html")
    return page, page.with_suffix(".json")


def check(path: str | os.PathLike[str]) -> None:
    """Try whether :func:`save` can write there, and leave nothing behind; raises what it raises."""
    for each in files(path):
        saved.attempt(each)


def save(
    path: str | os.PathLike[str],
    seen: Overview,
    diagnoses: Sequence[Diagnosis],
    *,
    changes: Changes | None = None,
    page_map: PageMap | None = None,
    seen_faults: Faults | None = None,
) -> None:
    """Write both. FileExistsError if there is either; OSError as it comes, and then neither is."""
    check(path)
    html, beside = files(path)
    more: dict[str, Any] = {
        "changes": changes,
        "page_map": page_map,
        "seen_faults": seen_faults,
    }
    figures = as_dict(seen, diagnoses, **more)
    texts = {
        html: page(seen, diagnoses, **more, beside=beside.name),
        beside: saved.json_text(figures) + "\n",
    }
    saved.write_all(texts)

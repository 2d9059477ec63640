"""Write the page of a trial and the summary beside it: both files or neither, over none."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.measure import saved
from prefault_kit.show.trial_page import markdown, page
from prefault_kit.studies.trial import Trial


def files(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The page and the summary beside it; ValueError if the page is to end with ``.md``."""
    page = Path(path)
    if not page.name or page.suffix == ".md":
        raise ValueError(f"{str(page)!r} is no name of a page: name it, such as trial.html")
    return page, page.with_suffix(".md")


def check(path: str | os.PathLike[str]) -> None:
    """Try whether :func:`save` can write there, and leave nothing behind; raises what it raises."""
    for each in files(path):
        saved.attempt(each)


def save(trial: Trial, path: str | os.PathLike[str]) -> None:
    """Write both. FileExistsError if there is either; OSError as it comes, and then neither is."""
    check(path)
    texts = page(trial), markdown(trial)
    saved.write_all(dict(zip(files(path), texts, strict=True)))

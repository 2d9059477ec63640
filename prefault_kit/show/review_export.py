"""Write the page of a review and the summary beside it: both files or neither, over none."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.measure import saved
from prefault_kit.show.review_page import markdown, page
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.result import Review


def files(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The page and the summary beside it; ValueError if the page is to end with ``.md``."""
    page = Path(path)
    if not page.name:
        raise ValueError(f"{str(page)!r} names no file: name the page, such as review.html")
    if page.suffix == ".md":
        raise ValueError(f"{page} would be the summary: name the page, such as review.html")
    return page, page.with_suffix(".md")


def check(path: str | os.PathLike[str]) -> None:
    """Try whether :func:`save` can write there, and leave nothing behind; raises what it raises."""
    for each in files(path):
        saved.attempt(each)


def save(review: Review, weights: Weights, path: str | os.PathLike[str]) -> None:
    """Write the page, and the summary beside it, with the ending ``.md``.

    FileExistsError if there is either: nothing is overwritten. OSError as it comes, and then
    neither file is there. ValueError if the page is to end with ``.md`` itself.
    """
    check(path)
    texts = page(review, weights), markdown(review, weights)
    saved.write_all(dict(zip(files(path), texts, strict=True)))

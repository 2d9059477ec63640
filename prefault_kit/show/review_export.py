"""Write the page of a review and the summary beside it: both files or neither, over none.

Both are written under other names in the same directory first. A full disk or a lost permission
then leaves nothing behind, and a second try is not in the way of the first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

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


def existing(path: str | os.PathLike[str]) -> Path | None:
    """The file that :func:`save` would have to overwrite, or None."""
    return next((each for each in files(path) if os.path.lexists(each)), None)


def check(path: str | os.PathLike[str]) -> None:
    """Try whether :func:`save` can write there, and leave nothing behind; raises what it raises."""
    _refuse_existing(path)
    for each in files(path):
        with contextlib.suppress(FileNotFoundError):
            os.lstat(each)  # a name that is too long
    with _written(files(path), ["", ""]):
        pass


def save(review: Review, weights: Weights, path: str | os.PathLike[str]) -> None:
    """Write the page, and the summary beside it, with the ending ``.md``.

    FileExistsError if there is either: nothing is overwritten. OSError as it comes, and then
    neither file is there. ValueError if the page is to end with ``.md`` itself.
    """
    _refuse_existing(path)
    targets = files(path)
    with _written(targets, [page(review, weights), markdown(review, weights)]) as written:
        done: list[Path] = []
        try:
            for source, target in zip(written, targets, strict=True):
                _move(source, target)
                done.append(target)
        except BaseException:
            for target in done:
                target.unlink()
            raise


def _refuse_existing(path: str | os.PathLike[str]) -> None:
    if (there := existing(path)) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(there))


@contextlib.contextmanager
def _written(targets: Sequence[Path], texts: Sequence[str]) -> Iterator[list[Path]]:
    """Files with these texts beside their targets; those that are still there at the end vanish."""
    written: list[Path] = []
    try:
        for target, text in zip(targets, texts, strict=True):
            beside = target.with_name(f".prefault-kit-{secrets.token_hex(8)}")
            with _naming(target), beside.open("xb") as file:
                written.append(beside)
                # the name of a file need not be UTF-8, but the page that shows it is
                file.write(text.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())  # some file systems find out only now that they are full
        yield written
    finally:
        for beside in written:
            beside.unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    """Give a file its name without overwriting another."""
    with _naming(target):
        try:
            os.link(source, target)
        except OSError as error:
            # a file system without hard links, such as FAT
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            if os.path.lexists(target):
                raise FileExistsError(
                    errno.EEXIST, os.strerror(errno.EEXIST), str(target)
                ) from None
            os.rename(source, target)


@contextlib.contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Let an error name the file that was asked for."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None

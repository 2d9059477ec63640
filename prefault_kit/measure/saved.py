"""Results as JSON files: written whole or not at all, checked when read, without paths."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from prefault_kit.measure.result import Result

SCHEMA = "prefault-kit/1"
"""The version of rows and of saved results."""
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What link(2) says where a file system has no hard links, or a sandbox forbids them."""


def without_paths(text: str, known: Iterable[str] = ()) -> str:
    """Put DIR for the paths in a message: what is saved may be shown to others.

    ``known`` paths are found even with blanks in them; the kernel's own (/proc, /sys, /dev) stay.
    """
    for path in known:
        text = re.sub(rf"(?<![\w/.]){re.escape(path)}(?![\w])", "DIR", text)
    return re.sub(r"(?<![^\s'\"(])/(?!(?:dev|proc|sys)\b)[^\s'\":,;)]+", "DIR", text)


def json_text(data: object) -> str:
    """JSON as the kit prints and saves it; what JSON has no number for (NaN, infinity) is null.

    >>> print(json_text([1.5, float("nan")]))
    [
     1.5,
     null
    ]
    """
    return json.dumps(_finite(data), indent=1, allow_nan=False)


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, list | tuple) else data


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def from_json(text: str | bytes) -> object:
    """Read JSON; ValueError if it is not, is nested without end, or has NaN or infinity."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def attempt(path: Path) -> None:
    """See that :func:`write` can make a file, before the work for it begins; leaves nothing.

    FileExistsError if the path is taken, OSError as it comes otherwise; both name the path.
    """
    with naming(path):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with suppress(FileNotFoundError):
            os.lstat(path)  # a name that is too long
        with _beside(path):
            pass


def claim(path: Path) -> None:
    """As :func:`attempt`; ValueError in a sentence."""
    try:
        attempt(path)
    except FileExistsError:
        raise ValueError(f"{path} exists already: choose another name") from None
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise ValueError(f"{path} cannot be written ({said}): choose another place") from None


def write(path: Path, text: str | bytes) -> None:
    """Write a new file whole or not at all; FileExistsError if the path is taken."""
    with naming(path), _beside(path) as (part, out):
        if isinstance(text, bytes):
            out.buffer.write(text)
        else:
            out.write(text)
        _finish(out)
        try:
            os.link(part, path)  # unlike a rename it never replaces a file
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            part.replace(path)


def write_all(texts: dict[Path, str]) -> None:
    """Write new files, all of them or none; as :func:`write` each."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            write(path, text)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink()
        raise


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, over one that is there."""
    with _beside(path) as (part, out):
        out.write(text)
        _finish(out)
        part.replace(path)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all, over one that is there."""
    replace(path, json_text(data) + "\n")


@contextmanager
def naming(path: Path, kind: type[OSError] = OSError) -> Iterator[None]:
    """Let an error name the file that was asked for, and be of the kind that its reader expects."""
    try:
        yield
    except OSError as error:
        raise kind(error.errno, error.strerror, str(path)) from error


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, TextIOWrapper]]:
    """A new file beside ``path``; its name is gone afterwards, whatever happens."""
    part = path.with_name(f".prefault-kit-{secrets.token_hex(8)}")
    # what a text quotes need not be UTF-8, a file's name for one
    with part.open("x", encoding="utf-8", errors="backslashreplace") as out:
        try:
            yield part, out
        finally:
            part.unlink(missing_ok=True)


def _finish(out: TextIOWrapper) -> None:
    """Bring what was written to the disk: only then is it known to fit."""
    out.flush()
    os.fsync(out.fileno())


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read what :func:`write_json` wrote; ValueError if it is not ours or of another version."""
    try:
        data = from_json(path.read_text("utf-8"))
    except ValueError:  # also of undecodable bytes
        data = None
    if not isinstance(data, dict) or "schema" not in data:
        raise ValueError(f"{path} is not {what} of this kit: name another file")
    if data["schema"] != SCHEMA:
        raise ValueError(
            f"{path} was written by another version of the kit ({data['schema']!r}, this one "
            f"reads {SCHEMA!r}): name another file"
        )
    return data


def save(results: Sequence[Result], path: Path, *, overwrite: bool = False) -> None:
    """Save results as JSON; FileExistsError for a file that is there, unless ``overwrite``."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already")
    saved = []
    for result in results:
        data = result.as_dict()
        for name in ("message", "command"):
            data[name] = without_paths(data[name]) if data[name] else None
        saved.append(data)
    write_json(path, {"schema": SCHEMA, "results": saved})


def load(path: Path) -> list[Result]:
    """Load what :func:`save` wrote; ValueError if it is not ours or of another version."""
    data = read_json(path, "a file of saved results")
    entries = data.get("results")
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValueError(f"{path} is not a file of saved results of this kit: name another file")
    try:
        results = [Result.from_dict(each) for each in entries]
        for result in results:
            result.check_times()
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): name another file") from None
    return results

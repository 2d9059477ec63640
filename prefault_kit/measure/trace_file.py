"""A trace as a file: a zip archive of a JSON object and five arrays, which NumPy reads too.

``about.json`` has :data:`SCHEMA` and what :class:`~prefault_kit.measure.trace.Trace` has beside its
arrays. Each array is a ``.npy`` of one dimension, little endian, in the order of time: ``time``
(u8: nanoseconds since the fault before), ``page`` (i8: the page less that of the fault before),
``mapping`` and ``thread`` (u4: indices), ``flags`` (u1). So ``numpy.load(file)["page"].cumsum()``
has the pages. Differences compress well: a million faults are a few megabytes at most.

A file may come from anywhere. It is read with limits, nothing in it is executed (no pickle), and
what is no trace is a ValueError in one sentence.
"""

from __future__ import annotations

import io
import os
import tokenize
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefault_kit.measure import saved
from prefault_kit.measure.trace import (
    KINDS,
    MOST_FAULTS,
    MOST_FLAGS,
    FileState,
    Image,
    Lack,
    Thread,
    Trace,
    TracedMapping,
)
from prefault_kit.memory.file_part import open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "prefault-kit/trace-1"
ABOUT = "about.json"
ARRAYS = {"time": "<u8", "page": "<i8", "mapping": "<u4", "thread": "<u4", "flags": "|u1"}
"""Their names and types."""
MOST_ABOUT_BYTES = 64 << 20
MOST_NAMES = 1 << 20
"""Mappings, threads and images, of each."""
MOST_HEAD_BYTES = 1 << 10
"""Of a .npy, before its data."""
MOST_BYTES = MOST_ABOUT_BYTES + 25 * MOST_FAULTS
NO_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    IndexError, KeyError, TypeError,
)  # fmt: skip
"""What zipfile raises for bytes that are none."""
HIGHEST_PAGE = 1 << 52
LONGEST_NS = 1 << 62
LARGEST_PAGE_BYTES = 1 << 30


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a new file whole or not at all; FileExistsError if the path is taken, OSError."""
    saved.write(Path(path), content(trace))


def content(trace: Trace) -> bytes:
    """What :func:`save` writes."""
    import numpy  # here, so that importing the kit stays quick

    arrays = {
        "time": numpy.diff(trace.time_ns, prepend=0),
        "page": numpy.diff(trace.page, prepend=0),
        "mapping": trace.mapping,
        "thread": trace.thread,
        "flags": trace.flags,
    }
    about = {
        "schema": SCHEMA,
        "command": list(trace.command),
        "page_size_bytes": trace.page_size_bytes,
        "duration_ns": trace.duration_ns,
        "status": trace.status,
        "stopped": trace.stopped,
        "faults": len(trace),
        "images": [asdict(each) for each in trace.images],
        "threads": [asdict(each) for each in trace.threads],
        "mappings": [asdict(each) for each in trace.mappings],
        "lack": asdict(trace.lack),
        "host": trace.host,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, saved.json_text(about))
        for name, kind in ARRAYS.items():
            part = io.BytesIO()
            numpy.lib.format.write_array(part, arrays[name].astype(kind), allow_pickle=False)
            archive.writestr(f"{name}.npy", part.getvalue())
    return out.getvalue()


def load(path: str | os.PathLike[str]) -> Trace:
    """Read what :func:`save` wrote; OSError, or ValueError for a file that is none of ours."""
    name = os.fspath(path)
    with os.fdopen(open_regular(name), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, MOST_BYTES))  # which takes that much memory at once
    if size > MOST_BYTES:
        raise ValueError(f"{name} is not a trace of this kit (it has more than {MOST_BYTES} bytes)")
    try:
        # of memory: what a damaged directory leads to is then no error of the file's
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _trace(_about(archive), archive)
    except NO_ARCHIVE:
        raise ValueError(f"{name} is not a trace of this kit: name another file") from None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} is not a trace of this kit ({error})") from None


def _part(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A member of the archive, if it is as long as it may be."""
    try:
        known = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"it has no {name}") from None
    if known.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"its {name} is compressed in another way")
    if known.file_size > most_bytes:
        raise ValueError(f"its {name} has more than {most_bytes} bytes")
    with archive.open(known) as part:
        return part.read(most_bytes + 1)  # no more, whatever the archive's directory says


def _about(archive: zipfile.ZipFile) -> dict[str, Any]:
    about = saved.from_json(_part(archive, ABOUT, MOST_ABOUT_BYTES))
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise ValueError(f"its {ABOUT} has not the schema {SCHEMA}")
    return about


def _trace(about: dict[str, Any], archive: zipfile.ZipFile) -> Trace:
    import numpy

    count = _whole(about, "faults", 0, MOST_FAULTS)
    arrays = {name: _array(archive, name, count) for name in ARRAYS}
    images = tuple(_image(each, at) for at, each in enumerate(_objects(about, "images")))
    threads = tuple(_thread(each) for each in _objects(about, "threads"))
    if not images and about.get("mappings"):
        raise ValueError("its mappings are of no image")
    mappings = tuple(_mapping(each, len(images)) for each in _objects(about, "mappings"))
    if arrays["time"].max(initial=0) > LONGEST_NS // max(count, 1):
        raise ValueError("a time in it is out of range")
    duration = _whole(about, "duration_ns", 0, LONGEST_NS)
    time_ns = numpy.cumsum(arrays["time"], dtype="i8")
    if (
        abs(arrays["page"]).max(initial=0) > HIGHEST_PAGE
        or arrays["page"].min(initial=0) < -HIGHEST_PAGE
    ):
        raise ValueError("a page in it is out of range")
    # sums of as many steps of that size may leave 64 bits, and come back in range
    rough = numpy.cumsum(arrays["page"], dtype="f8")
    page = numpy.cumsum(arrays["page"], dtype="i8")
    if count and not (rough.min() >= 0 and rough.max() <= HIGHEST_PAGE and page.min() >= 0):
        raise ValueError("a page in it is out of range")
    for name, many in (("mapping", len(mappings)), ("thread", len(threads))):
        if arrays[name].max(initial=0) >= max(many, 1) or (count and not many):
            raise ValueError(f"a fault in it has a {name} that there is not")
    flags = arrays["flags"]
    if flags.max(initial=0) > MOST_FLAGS:
        raise ValueError("a fault in it has flags that there are not")
    command = about.get("command")
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise ValueError("its command is no list of words")
    page_size = _whole(about, "page_size_bytes", 512, LARGEST_PAGE_BYTES)
    if page_size & (page_size - 1):
        raise ValueError("its page size is no power of two")
    status = about.get("status")
    host = about.get("host", {})
    return Trace(
        tuple(command),
        page_size,
        max(duration, int(time_ns[-1]) if count else 0),
        None if status is None else _whole(about, "status", -(1 << 16), 1 << 16),
        _bool(about, "stopped"),
        images,
        threads,
        mappings,
        time_ns,
        arrays["mapping"],
        page,
        arrays["thread"],
        flags,
        _lack(_object(about, "lack")),
        {str(name): each for name, each in host.items()} if isinstance(host, dict) else {},
    )


def _array(archive: zipfile.ZipFile, name: str, count: int) -> NDArray[Any]:
    """An array of the type and the length that it is to have."""
    import numpy

    kind = numpy.dtype(ARRAYS[name])
    data = _part(archive, f"{name}.npy", MOST_HEAD_BYTES + count * kind.itemsize)
    head = io.BytesIO(data)
    try:
        if numpy.lib.format.read_magic(head) != (1, 0):
            raise ValueError
        shape, _, found = numpy.lib.format.read_array_header_1_0(head)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, tokenize.TokenError):
        raise ValueError(f"its {name}.npy is no array") from None
    if shape != (count,) or found != kind or len(data) - head.tell() != count * kind.itemsize:
        raise ValueError(f"its {name}.npy is not {count} numbers of type {ARRAYS[name]}")
    there: NDArray[np.generic] = numpy.frombuffer(data, kind, offset=head.tell())
    return there.astype(kind.newbyteorder("="))


def _object(about: dict[str, Any], name: str) -> dict[str, Any]:
    found = about.get(name)
    if not isinstance(found, dict):
        raise ValueError(f"its {name} is no object")
    return found


def _objects(about: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = about.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"its {name} are no list of objects")
    if len(found) > MOST_NAMES:
        raise ValueError(f"it has more than {MOST_NAMES} {name}")
    return found


def _whole(data: dict[str, Any], name: str, least: int, most: int) -> int:
    found = data.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise ValueError(f"its {name} is no whole number from {least} to {most}")
    return found


def _bool(data: dict[str, Any], name: str) -> bool:
    found = data.get(name)
    if not isinstance(found, bool):
        raise ValueError(f"its {name} is neither true nor false")
    return found


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str) or len(found) > 1 << 16 or "\0" in found:
        raise ValueError(f"its {name} is no text")
    return found


def _image(data: dict[str, Any], before: int) -> Image:
    parent = data.get("parent")
    return Image(
        _whole(data, "pid", 0, (1 << 32) - 1),
        _text(data, "name"),
        None if parent is None else _whole(data, "parent", 0, max(before - 1, 0)),
        _bool(data, "forked"),
    )


def _thread(data: dict[str, Any]) -> Thread:
    most = (1 << 32) - 1
    return Thread(_whole(data, "pid", 0, most), _whole(data, "tid", 0, most), _text(data, "name"))


def _mapping(data: dict[str, Any], images: int) -> TracedMapping:
    kind = data.get("kind")
    if kind not in KINDS:
        raise ValueError("a mapping in it has a kind that there is not")
    file = None
    if data.get("file") is not None:
        state = _object(data, "file")
        file = FileState(
            _whole(state, "size_bytes", 0, LONGEST_NS),
            _whole(state, "mtime_ns", -LONGEST_NS, LONGEST_NS),
            _whole(state, "inode", 0, (1 << 64) - 1),
        )
    return TracedMapping(
        kind,
        _text(data, "name"),
        _whole(data, "image", 0, max(images - 1, 0)),
        _whole(data, "ordinal", 1, MOST_NAMES),
        _whole(data, "size_bytes", 0, LONGEST_NS),
        _whole(data, "first_page", 0, HIGHEST_PAGE),
        _text(data, "permissions"),
        file,
    )


def _lack(data: dict[str, Any]) -> Lack:
    return Lack(
        _whole(data, "lost", 0, LONGEST_NS),
        _bool(data, "kernel"),
        _text(data, "accesses"),
        _bool(data, "full"),
        _whole(data, "left", 0, MOST_NAMES),
    )

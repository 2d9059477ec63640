"""prefault_kit.measure.trace_file: what is saved comes back; what is no trace is refused."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit.kernel import perf
from prefault_kit.measure import trace_file
from prefault_kit.measure.trace import MOST_FAULTS, Lack, Trace
from prefault_kit.measure.trace_file import ABOUT, ARRAYS, content, load, save
from tests.studies.trace.made import file, mapping, trace

FIELDS = ("time_ns", "mapping", "page", "thread", "flags")


def example(tmp_path: Path) -> Trace:
    """A trace with something of everything."""
    path = tmp_path / "a\udcff"
    path.write_bytes(b"a")
    return trace(
        (0, 7, perf.READ), (1, 1 << 40, perf.WRITE), (0, 3, perf.UNTOLD),
        mappings=(file(path), mapping()),
        lack=Lack(3, True, "why", False, 2), status=-9, stopped=True, host={"kernel": "6.18"},
    )  # fmt: skip


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    """All of it, names that are no UTF-8 among it; a file that is there is not replaced."""
    written = example(tmp_path)
    save(written, tmp_path / "trace")
    found = load(tmp_path / "trace")
    for name in FIELDS:
        assert getattr(found, name).tolist() == getattr(written, name).tolist()
        assert getattr(found, name).dtype == getattr(written, name).dtype
    plain = [{k: v for k, v in vars(each).items() if k not in (*FIELDS, "first", "use")}
             for each in (found, written)]  # fmt: skip
    assert plain[0] == plain[1]
    with pytest.raises(FileExistsError):
        save(written, tmp_path / "trace")


def test_numpy_reads_it_too(tmp_path: Path) -> None:
    """As its documentation says."""
    save(example(tmp_path), tmp_path / "trace")
    with numpy.load(tmp_path / "trace", allow_pickle=False) as arrays:
        assert arrays["page"].cumsum().tolist() == [7, 1 << 40, 3]


def test_without_faults(tmp_path: Path) -> None:
    """An empty trace is a trace."""
    save(trace(), tmp_path / "trace")
    assert len(load(tmp_path / "trace")) == 0


def test_a_million_faults_are_a_few_megabytes() -> None:
    """In random order."""
    count = 1 << 18
    random = numpy.random.default_rng(1)
    rows = trace(
        time_ns=numpy.cumsum(random.integers(100, 5000, count)),
        mapping=random.integers(0, 1, count).astype("u4"),
        page=random.permutation(count).astype("i8"),
        thread=numpy.zeros(count, "u4"),
        flags=random.integers(0, 2, count).astype("u1"),
    )
    assert len(content(rows)) < 6 * count


def altered(
    tmp_path: Path, change: Callable[[dict[str, Any]], None] = lambda _: None, **parts: bytes
) -> Path:
    """A trace with an object that is changed, or other parts in place of some; None leaves out."""
    path = tmp_path / "altered"
    with zipfile.ZipFile(io.BytesIO(content(example(tmp_path)))) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    about = json.loads(members[ABOUT])
    change(about)
    members[ABOUT] = json.dumps(about).encode()
    members |= {name.replace("__", "."): value for name, value in parts.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            archive.writestr(name, value)
    return path


def array(values: object, kind: str, **options: Any) -> bytes:
    """A .npy."""
    out = io.BytesIO()
    numpy.lib.format.write_array(out, numpy.array(values, kind), **options)
    return out.getvalue()


class Evil:
    """What must not be unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("it was executed",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "prefault-kit/trace-9"}, "schema"),
        ({"faults": MOST_FAULTS + 1}, "faults is no whole number"),
        ({"faults": True}, "faults is no whole number"),
        ({"faults": 2}, "more than|is not 2 numbers"),
        ({"faults": -1}, "faults"),
        ({"duration_ns": 1e99}, "duration_ns"),
        ({"duration_ns": 10**400}, "duration_ns"),
        ({"page_size_bytes": 4095}, "power of two"),
        ({"page_size_bytes": 0}, "page_size_bytes"),
        ({"command": "rm"}, "list of words"),
        ({"command": [1]}, "list of words"),
        ({"status": "0"}, "status"),
        ({"stopped": 1}, "neither true nor false"),
        ({"images": {}}, "no list of objects"),
        ({"images": []}, "image"),
        ({"threads": []}, "thread that there is not"),
        ({"mappings": [None]}, "no list of objects"),
        ({"mappings": []}, "mapping that there is not"),
        ({"lack": None}, "no object"),
        ({"lack": {"lost": float("nan")}}, "NaN is not JSON"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_object_that_is_wrong(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """ValueError that names the file and says what is wrong."""
    path = altered(tmp_path, lambda about: about.update(change))
    with pytest.raises(ValueError, match=said) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"}, {"name": 5}, {"name": "a\0b"}, {"name": "a" * 70000}, {"image": 9},
        {"ordinal": 0}, {"size_bytes": -1}, {"first_page": 1.5}, {"permissions": None},
        {"file": 5}, {"file": {"size_bytes": 1, "mtime_ns": 2, "inode": -1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_mapping_that_is_wrong(tmp_path: Path, change: dict[str, Any]) -> None:
    """Every field is looked at."""
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(altered(tmp_path, lambda about: about["mappings"][0].update(change)))


@pytest.mark.parametrize(
    "parts",
    [
        {"about__json": b"[" * 100_000},
        {"about__json": b"\xff"},
        {"about__json": b"[]"},
        {"page__npy": b""},
        {"page__npy": array([1, 2, 3], "f8")},
        {"page__npy": array([1, float("nan"), 3], "f8")},
        {"page__npy": array([1, 2, 3], ">i8")},
        {"page__npy": array([[1, 2, 3]], "<i8")},
        {"page__npy": array([1, 2], "<i8")},
        {"page__npy": array([1, 2, 3, 4], "<i8")},
        {"page__npy": array([-1, 0, 0], "<i8")},
        {"page__npy": array([1 << 62, 1 << 62, 1 << 62], "<i8")},
        {"page__npy": array([-(1 << 63), 1, 1], "<i8")},
        {"page__npy": array([1, 2, 3], "<i8", version=(2, 0))},
        {"page__npy": b"\x93NUMPY\x01\x00\x10\x00" + b"{" * 16},
        {"time__npy": array([(1 << 64) - 1] * 3, "<u8")},
        {"time__npy": array([1 << 62] * 3, "<u8")},
        {"mapping__npy": array([0, 0, 2], "<u4")},
        {"thread__npy": array([0, 0, 1], "<u4")},
        {"flags__npy": array([0, 0, 255], "u1")},
    ],
    ids=lambda parts: f"{next(iter(parts))}-{next(iter(parts.values()))[-9:]!r}",
)
def test_a_part_that_is_wrong(tmp_path: Path, parts: dict[str, bytes]) -> None:
    """Types, shapes and numbers are held against what they are to be."""
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(altered(tmp_path, **parts))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """An array of objects is refused before anything of it is looked at."""
    objects = numpy.array([Evil(), 0, 0], object)
    out = io.BytesIO()
    numpy.lib.format.write_array(out, objects, allow_pickle=True)
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(altered(tmp_path, page__npy=out.getvalue()))
    path = tmp_path / "pickle"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that says how large it is, nor one that lies."""
    monkeypatch.setattr(trace_file, "MOST_ABOUT_BYTES", 1 << 16)
    path = altered(tmp_path, about__json=b" " * (1 << 20))
    with pytest.raises(ValueError, match="more than 65536 bytes"):
        load(path)
    data = path.read_bytes()
    said = (1 << 20).to_bytes(4, "little")
    path.write_bytes(data.replace(said, (100).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(path)


@pytest.mark.parametrize("length", [0, 1, 30, 100, 500])
def test_a_file_that_is_cut_short(tmp_path: Path, length: int) -> None:
    """At whatever place."""
    path = tmp_path / "short"
    path.write_bytes(content(example(tmp_path))[:length])
    with pytest.raises(ValueError, match="not a trace of this kit"):
        load(path)


def test_every_changed_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    """What comes back is a trace, or a ValueError, whichever byte is another."""
    data = content(example(tmp_path))
    path = tmp_path / "changed"
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            found = load(path)
        except ValueError:
            continue
        assert len(found) == 3
        assert asdict(found.mappings[0])


def test_what_is_no_file(tmp_path: Path) -> None:
    """OSError, and nothing is waited for."""
    import os

    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "none", "."):
        with pytest.raises(OSError):
            load(tmp_path / name)
    assert set(ARRAYS) == {"time", "page", "mapping", "thread", "flags"}

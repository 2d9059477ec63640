"""prefault_kit.studies.kernels.compiling: the kit's C for another processor, made once."""

import errno
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prefault_kit
from prefault_kit.studies.kernels import compiling
from prefault_kit.studies.kernels.architecture import ARCHITECTURES, Architecture
from prefault_kit.studies.kernels.cache import Cache, CacheError
from prefault_kit.studies.kernels.guest import COMPILED, PLACE, Guest, Outcome

OTHER = next(each for each in ARCHITECTURES.values() if not each.is_here)


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Guest]:
    """A guest that answers as it is told."""

    def made(architecture: Architecture, *outcomes: Outcome) -> Guest:
        answers = iter(outcomes)
        monkeypatch.setattr(Guest, "run", lambda *_, **__: next(answers))
        return Guest(tmp_path, tmp_path, architecture)

    return made


def test_it_is_compiled_once(guest: Callable[..., Guest], tmp_path: Path) -> None:
    """And kept under the processor's name and that of its sources."""
    one = guest(OTHER, Outcome("tcg", 1.0, 0, {COMPILED: b"library"}))
    for _ in range(2):
        found = compiling.compiled(Cache(tmp_path), one, tmp_path)
        assert found
        assert found.read_bytes() == b"library"
        assert found.name.startswith(f"{OTHER.name}-")


def test_this_host_s_own_serves_its_kind(guest: Callable[..., Guest], tmp_path: Path) -> None:
    """No guest is asked."""
    for each in ARCHITECTURES.values():
        if each.is_here:
            assert compiling.compiled(Cache(tmp_path), guest(each), tmp_path) is None


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome("tcg", 1.0, 1, {"said": b"guard.c:1: no\n"}), "guard.c:1: no"),
        (Outcome("tcg", 1.0, 1, {"said": b"ld: half\n", COMPILED: b"half"}), "ld: half"),
        (Outcome("tcg", 1.0, None, {}, ("one", "panic")), r"one \| panic"),
    ],
)
def test_a_guest_that_cannot_is_told(
    guest: Callable[..., Guest], tmp_path: Path, outcome: Outcome, said: str
) -> None:
    """With what the compiler said; nothing is kept."""
    with pytest.raises(CacheError, match=f"could not compile the kit's C: {said}"):
        compiling.compiled(Cache(tmp_path), guest(OTHER, outcome), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_sources_are_compiled_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A change of one byte in any of them is another name."""
    (tmp_path / PLACE).mkdir(parents=True)
    fake: Any = tmp_path / "prefault_kit" / "__init__.py"
    monkeypatch.setattr(prefault_kit, "__file__", str(fake))
    found = [compiling._digest()]
    for name in ("work.c", "api.h", "build.py"):
        for text in ("int one;", "int two;"):
            (tmp_path / PLACE / name).write_text(text)
            found.append(compiling._digest())
    assert len(set(found)) == len(found)


def test_a_library_that_was_written_in_part_is_none(
    guest: Callable[..., Guest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full leaves nothing that a guest would be given the next time."""

    def write_bytes(path: Path, content: bytes) -> None:
        with path.open("wb") as out:
            out.write(content[:3])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    answer = Outcome("tcg", 1.0, 0, {COMPILED: b"library"})
    with pytest.raises(OSError, match="no space left"):
        compiling.compiled(Cache(tmp_path), guest(OTHER, answer), tmp_path)
    monkeypatch.undo()
    found = compiling.compiled(Cache(tmp_path), guest(OTHER, answer), tmp_path)
    assert found
    assert found.read_bytes() == b"library"


def test_the_script_makes_a_library_that_python_loads(tmp_path: Path) -> None:
    """The guest's own lines, run here with the directories of this Python."""
    kit = Path(prefault_kit.__file__).parent
    native = tmp_path / "job" / PLACE
    native.parent.mkdir(parents=True)
    subprocess.run(
        ["cp", "-r", str(kit / "kernel" / "native"), str(native)], check=True, timeout=60
    )
    (tmp_path / "result").mkdir()
    headers = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()
    script = (
        compiling.SCRIPT.replace("/job/", f"{tmp_path}/job/")
        .replace("/result/", f"{tmp_path}/result/")
        .replace("/usr/include/python3.*", headers)
        .replace("python3 ", f"{shlex.quote(sys.executable)} ")
        .replace("-O2", "-O0")
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    library = tmp_path / "result" / COMPILED
    loaded = subprocess.run(
        [sys.executable, "-c", "import _prefault; print(_prefault.lib.MADV_POPULATE_READ)"],
        cwd=library.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (loaded.stdout, loaded.stderr) == ("22\n", "")

"""prefault_kit.host.source: lines of programs that were compiled here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from prefault_kit.host import source
from prefault_kit.kernel import symbols

PROGRAM = """\
int twice(int number)
{
    return 2 * number;
}

int main(void)
{
    return twice(0);
}
"""
pytestmark = pytest.mark.needs("compiler")


def compiled(directory: Path, *options: str) -> tuple[str, int]:
    """A program in a path with a blank, and where in it ``twice`` is."""
    (directory / "a b").mkdir()
    path = directory / "a b" / "app"
    text = path.with_suffix(".c")
    text.write_text(PROGRAM)
    subprocess.run(["gcc", *options, "-o", path, text], check=True, timeout=60)
    nm = subprocess.run(["nm", path], capture_output=True, text=True, timeout=60, check=True)
    address = next(line for line in nm.stdout.splitlines() if line.endswith(" T twice"))
    return str(path), int(address.split()[0], 16)


def test_the_line_of_a_place(tmp_path: Path) -> None:
    """The first line of a function is that of its brace or of its name."""
    path, offset = compiled(tmp_path, "-g", "-O0")
    assert symbols.code_address(path, offset) == offset
    named, line = source.line_of(path, offset)
    assert Path(named) == Path(path).with_suffix(".c")
    assert line in (1, 2)


def test_where_nobody_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No debug information, no such file, no program, no addr2line."""
    path, offset = compiled(tmp_path)
    assert source.line_of(path, offset) is None
    assert source.line_of("[heap]", 0) is None
    assert source.line_of(f"{path}.c", 0) is None
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert source.line_of(path, offset) is None

"""Try a wheel as a user without a compiler would: ``python -m tests.wheel WHEEL PYTHON...``.

It is installed into an empty environment of each Python, which gets the kit and the command line
alone; then the commands run, and what needs an extra says so in a sentence.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_MB = 105
"""What an installation may take, the environment's own pip aside."""
PATIENCE_S = 300


def _run(*command: str, expected: int = 0) -> str:
    done = subprocess.run(
        command,
        cwd="/",
        env={"PATH": "/nowhere", "HOME": os.environ.get("HOME", "/")} | _registry(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expected, f"{command}: status {done.returncode}\n{said}"
    assert "Traceback" not in said, said
    return said


def _registry() -> dict[str, str]:
    """What tells pip where packages come from."""
    names = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")
    return {name: value for name, value in os.environ.items() if name.startswith(names)}


def _megabytes(place: Path) -> float:
    files = (path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_blocks * 512 for path in files) / 1e6


def attempt(wheel: Path, python: str) -> None:
    """Install and run; AssertionError with what was printed where something is not as promised."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "empty"
        _run(python, "-m", "venv", str(place))
        before = _megabytes(place)
        pip = (str(place / "bin" / "python"), "-m", "pip", "install", "--quiet")
        _run(*pip, "--disable-pip-version-check", "--only-binary", ":all:", str(wheel.resolve()))
        size = _megabytes(place) - before
        assert size < MOST_MB, f"{size:.0f} MB"
        command = str(place / "bin" / "prefault-kit")
        _run(command, "doctor", "--dir", directory)
        _run(command, "run", "--backing", "anon", "--method", "Read", "--repeats", "2")
        _run(command, "check", "read-*", "--dir", directory)
        _run(command, "check", "read-*", "--dir", directory, "--since", "6.1")
        assert "int main(" in _run(command, "check", "read-zero-page", "--as-c")
        review = ("review", "--backing", "anon", "--sharing", "private", "--size", "2MiB")
        _run(command, *review, "--repeats", "2")
        said = _run(command, *review, "--export", f"{directory}/review.html", expected=3)
        assert "pip install 'prefault-kit[review]'" in said, said
        screen = "from prefault_kit.screens.explorer import explorer"
        said = _run(str(place / "bin" / "python"), "-c", _SENTENCE.format(screen))
        assert "pip install 'prefault-kit[lab]'" in said, said
        print(f"{wheel.name} on {python}: {size:.0f} MB")


_SENTENCE = """
try:
    {}
except ImportError as error:
    print(error)
"""


if __name__ == "__main__":
    for each in sys.argv[2:]:
        attempt(Path(sys.argv[1]), each)

"""``prefault-kit doctor``: what it prints, and that it changes nothing."""

import json
from pathlib import Path

from tests.cli.command import prefault, prefault_here


def test_doctor_tells_what_there_is() -> None:
    """Every backing and feature with yes or no; --json has the same and the host's facts."""
    done = prefault("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(prefault_here("doctor", "--json").stdout)
    assert data["host"]["kernel"] in done.stdout
    for capability in data["capabilities"]:
        assert capability["name"] in done.stdout
        if capability["command"]:
            assert capability["command"] in done.stdout


def test_doctor_names_the_command_that_helps(tmp_path: Path) -> None:
    """A directory that is missing is told with the command that makes it, on a line to copy."""
    where = tmp_path / "with space"
    done = prefault_here("doctor", "--dir", str(where))
    assert done.returncode == 0
    assert f"  mkdir -p '{where}'" in done.stdout.splitlines()
    assert not where.exists()

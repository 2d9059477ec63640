"""tests.guests: what its guests run and how they are joined, without booting any."""

import subprocess
from pathlib import Path
from threading import Event

import pytest

from tests import guests


def test_every_host_has_a_cable_to_the_hub(tmp_path: Path) -> None:
    """A Unix socket, which nobody else is on; the hub's end is there first."""
    numbers = range(1, len(guests.HOSTS) + 1)
    hub = guests.hub(tmp_path, numbers)
    for number in numbers:
        (mine,) = [word for word in guests.host_network(tmp_path, number) if "addr" in word]
        assert mine.replace("server=off", "server=on") in hub
        assert f"addr.type=unix,addr.path={tmp_path}/{number}" in mine
        assert f"hubport,id=port{number},hubid=0,netdev=cable{number}" in hub


def test_what_they_run_is_the_shells() -> None:
    """With every place filled."""
    for script in (guests.host_script(1), guests.collecting_script()):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=60)
        assert guests.SCHEDULER in script


def test_a_plug_is_pulled_at_the_next_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it is; a line that is waited for is told first, and signs of life are not shown."""
    pulled, hears = Event(), {"KILL": Event()}
    guests.told("one", "KILL", pulled, hears)
    assert hears["KILL"].is_set()
    pulled.set()
    with pytest.raises(guests.Killed):
        guests.told("one", guests.HERE, pulled, hears)
    assert capsys.readouterr().out.partition(" ")[2] == "one: KILL\n"

"""prefault_kit.host.identity: machines are told apart, and none is named."""

import json
import os
from pathlib import Path

import pytest

from prefault_kit.host import identity as module
from prefault_kit.host.identity import LABEL, identity


def test_nothing_of_it_can_be_read() -> None:
    """Neither the boot's id, nor the machine's, nor a name; another key gives other digests."""
    said = identity("one")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert boot not in said
    assert os.uname().nodename not in said
    assert identity("one") == said
    assert not set(json.loads(said).values()) & set(json.loads(identity("two")).values()) - {""}


def test_a_label_makes_another_host_of_the_same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which has its turn in common with it."""
    before = json.loads(identity("key"))
    monkeypatch.setenv(LABEL, "a")
    labelled = json.loads(identity("key"))
    assert labelled["turn"] == before["turn"]
    assert labelled["boot"] != before["boot"]


def test_a_container_without_a_machine_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is known by the boot alone."""
    monkeypatch.setattr(module, "_machine", lambda: "")
    found = json.loads(identity("key"))
    assert (found["machine"], bool(found["boot"])) == ("", True)

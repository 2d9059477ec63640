"""Which machine this is, without saying so: digests that tell machines apart and name none."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LABEL = "PREFAULT_FLEET_AS"
"""In the environment, a label that makes this one of several pretended hosts of one machine."""


@dataclass(frozen=True)
class Identity:
    """One host: each is a digest with the key of whoever asked, of no use to anybody else."""

    turn: str
    """Of the boot alone, which all containers of a machine have in common: hosts of one turn must
    not measure at the same time."""
    boot: str
    """Of the boot and the label."""
    machine: str
    """Of what stays when the machine boots again, and the label; empty if nothing is known to."""


def identity(key: str) -> str:
    """This host's :class:`Identity`, as JSON."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    machine = _machine()
    label = os.environ.get(LABEL, "")
    found = Identity(
        turn=_digest(key, boot),
        boot=_digest(key, boot, label),
        # machines that were cloned have one id, but seldom one name
        machine=_digest(key, machine, os.uname().nodename, label) if machine else "",
    )
    return json.dumps(asdict(found))


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:  # a container may have none
        return ""


def _digest(key: str, *parts: str) -> str:
    text = "\0".join(parts).encode()
    return hashlib.blake2b(text, key=key.encode(), digest_size=16).hexdigest()

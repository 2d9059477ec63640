"""The facts that every saved run carries."""

import datetime
import getpass
import json
import os
import platform
import re
import socket

import prefault_kit
from prefault_kit import host


def test_names() -> None:
    """The facts have these names, since saved runs are compared by them."""
    assert sorted(host.facts()) == sorted(
        [
            "kernel",
            "machine",
            "cpu",
            "cpus",
            "memory_bytes",
            "memory_limit_bytes",
            "swap_bytes",
            "page_size_bytes",
            "huge_page_sizes_bytes",
            "huge_page_pools",
            "thp",
            "shmem_thp",
            "hypervisor",
            "damon",
            "python",
            "prefault_kit",
            "date",
        ]
    )


def test_facts() -> None:
    """They agree with what the system says by other ways, and are JSON."""
    facts = host.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["kernel"] == platform.release()
    assert facts["page_size_bytes"] == os.sysconf("SC_PAGE_SIZE")
    assert facts["memory_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert facts["cpus"] == len(os.sched_getaffinity(0))
    assert facts["python"] == platform.python_version()
    assert facts["prefault_kit"] == prefault_kit.__version__


def test_date() -> None:
    """The date is UTC to the second, and now."""
    date = str(host.facts()["date"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", date)
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(date)
    assert abs(age) < datetime.timedelta(minutes=5)


def test_nothing_personal() -> None:
    """No host name, user or path is in them."""
    values = json.dumps([value for key, value in host.facts().items() if key != "kernel"])
    names = {socket.gethostname(), getpass.getuser(), os.path.expanduser("~"), os.getcwd()}
    words = set(re.findall(r"[^\"\s,\[\]{}]+", values))
    assert not names & words
    assert not [word for word in words if word.startswith("/")]

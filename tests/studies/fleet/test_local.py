"""prefault_kit.studies.fleet.local: workers of this machine, for a try-out."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.studies.fleet.made import QUIET

TRY_OUT = """
import json, os
from prefault_kit.studies.fleet import cluster, local

def signals():
    status = open("/proc/self/status").read()
    return int(status.split("SigIgn:")[1].split()[0], 16)

if __name__ == "__main__":
    with local.scheduler(2) as address, cluster.connected(address) as reached:
        workers = reached.workers()
        found = [vars(each) for each in reached.look_at(workers, "key").values()]
        ignored = list(reached._client.run(signals).values())
        listed = os.listdir(os.environ["TMPDIR"])
        said = {"addresses": [address, *workers], "found": found, "ignored": ignored}
        print(json.dumps(said | {"listed": listed}))
"""


def test_they_pretend_to_be_hosts(tmp_path: Path) -> None:
    """On loopback, of one turn, deaf to Ctrl-C; in no directory that would be left."""
    program, place = tmp_path / "program.py", tmp_path / "empty"
    program.write_text(TRY_OUT)
    place.mkdir()
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | QUIET | {"TMPDIR": str(place)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said = json.loads(done.stdout)
    assert done.stderr == ""
    assert len(said["addresses"]) == 3
    assert all(each.startswith("tcp://127.0.0.1:") for each in said["addresses"])
    first, second = said["found"]
    assert (first["turn"] == second["turn"], first["boot"] == second["boot"]) == (True, False)
    assert all(ignored & 2 for ignored in said["ignored"])  # SIGINT
    assert [each for each in said["listed"] if "fleet" in each or "dask" in each] == []
    assert list(place.iterdir()) == []

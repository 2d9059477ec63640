"""cgroup limits: found at every level, in the layouts that hosts and containers have."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel import cgroup

GIB = 1 << 30

# /proc/self/cgroup, the mounts as /proc/self/mountinfo tells them (below TOP), and the levels
# that lead up from this process, the innermost first.
LAYOUTS = {
    "v2, a session under systemd": (
        "0::/user.slice/user-1000.slice/session-2.scope\n",
        "31 23 0:26 / TOP/sys/fs/cgroup rw,nosuid,nodev,noexec - cgroup2 cgroup2 rw,nsdelegate\n",
        2,
        [
            "sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope",
            "sys/fs/cgroup/user.slice/user-1000.slice",
            "sys/fs/cgroup/user.slice",
            "sys/fs/cgroup",
        ],
    ),
    "v2, a container with its own cgroup namespace": (
        "0::/\n",
        "1544 1543 0:29 / TOP/sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,memory_recursiveprot\n",
        2,
        ["sys/fs/cgroup"],
    ),
    "v2, a process moved above its namespace": (
        "0::/../../system.slice/cron.service\n",
        "1544 1543 0:29 /../.. TOP/sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n",
        2,
        ["sys/fs/cgroup"],
    ),
    "v1, a container without a cgroup namespace": (
        "12:cpu,cpuacct:/docker/8f3a\n5:memory:/docker/8f3a\n1:name=systemd:/docker/8f3a\n",
        "900 899 0:31 / TOP/sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "907 900 0:36 /docker/8f3a TOP/sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu\n"
        "911 900 0:40 /docker/8f3a TOP/sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n",
        1,
        ["sys/fs/cgroup/memory"],
    ),
    "v1 for memory beside an empty v2": (
        "4:memory:/process_api/f233\n1:name=systemd:/\n0::/\n",
        "35 31 0:32 / TOP/sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n",
        1,
        [
            "sys/fs/cgroup/memory/process_api/f233",
            "sys/fs/cgroup/memory/process_api",
            "sys/fs/cgroup/memory",
        ],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_directories(layout: str, tmp_path: Path) -> None:
    """Every cgroup from the process up to what is mounted is found, in each layout."""
    cgroup_text, mountinfo, version, levels = LAYOUTS[layout]
    for level in levels:
        (tmp_path / level).mkdir(parents=True, exist_ok=True)
    found = cgroup.directories(
        "memory",
        cgroup_text=cgroup_text,
        # the kernel writes a space in a path as \040
        mountinfo_text=mountinfo.replace("TOP", str(tmp_path).replace(" ", "\\040")),
    )
    assert list(found) == [(version, tmp_path / level) for level in levels]


def test_no_controller() -> None:
    """Without cgroups mounted there is no level, and no error."""
    found = cgroup.directories("memory", cgroup_text="0::/\n", mountinfo_text="")
    assert list(found) == []


def _write(directory: Path, **files: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (directory / name.replace("__", ".")).write_text(f"{value}\n")
    return directory


def test_memory_v2(tmp_path: Path) -> None:
    """v2: ``max`` is no limit, page cache can be had back, tmpfs (in ``file``) cannot."""
    stat = f"anon 1\nfile {3 * GIB}\nshmem {2 * GIB}\nactive_file {GIB}\ninactive_file 4096"
    outer = _write(tmp_path, memory__max=4 * GIB, memory__current=3 * GIB, memory__stat=stat)
    inner = _write(tmp_path / "a", memory__max="max", memory__high="max", memory__current=GIB)
    (limit,) = cgroup.memory_limits([(2, inner), (2, outer)])
    assert limit.file == outer / "memory.max"
    assert limit.limit_bytes == 4 * GIB
    assert limit.used_bytes == 2 * GIB - 4096
    assert limit.available_bytes == 2 * GIB + 4096


def test_command(tmp_path: Path) -> None:
    """The command, given to a shell, writes the limit into the right file of any name."""
    level = _write(tmp_path / r"user\x2d1000.slice", memory__max=GIB, memory__current=0)
    (limit,) = cgroup.memory_limits([(2, level)])
    command = limit.command_for(5 * GIB)
    assert command.startswith(f"echo {5 * GIB} | sudo tee ")
    subprocess.run(
        command.replace("sudo ", ""), shell=True, check=True, capture_output=True, timeout=60
    )
    assert (level / "memory.max").read_text() == f"{5 * GIB}\n"


def test_memory_high(tmp_path: Path) -> None:
    """v2: memory.high is a limit too."""
    level = _write(tmp_path, memory__max=4 * GIB, memory__high=2 * GIB, memory__current=GIB)
    assert [limit.limit_bytes for limit in cgroup.memory_limits([(2, level)])] == [
        4 * GIB,
        2 * GIB,
    ]


@pytest.mark.parametrize("unlimited", [9223372036854771712, 9223372036854710272])
def test_memory_v1(unlimited: int, tmp_path: Path) -> None:
    """v1: "no limit" is a number that depends on the page size (4 KiB, 64 KiB)."""
    outer = _write(tmp_path, memory__limit_in_bytes=unlimited, memory__usage_in_bytes=GIB)
    stat = "cache 7\nactive_file 1\ninactive_file 1\ntotal_active_file 4096\ntotal_inactive_file 8"
    inner = _write(
        tmp_path / "a",
        memory__limit_in_bytes=2 * GIB,
        memory__usage_in_bytes=GIB,
        memory__stat=stat,
    )
    (limit,) = cgroup.memory_limits([(1, inner), (1, outer)])
    assert limit.file == inner / "memory.limit_in_bytes"
    assert limit.used_bytes == GIB - 4096 - 8


def test_over_the_limit(tmp_path: Path) -> None:
    """A limit lowered below what is used leaves nothing, not less."""
    level = _write(tmp_path, memory__max=GIB, memory__current=2 * GIB)
    assert cgroup.memory_limits([(2, level)])[0].available_bytes == 0


@pytest.mark.parametrize(
    ("page_size_bytes", "name"),
    [
        (64 << 10, "64KB"),
        (2 << 20, "2MB"),
        (512 << 20, "512MB"),
        (1 << 30, "1GB"),
        (16 << 30, "16GB"),
    ],
)
def test_hugetlb(page_size_bytes: int, name: str, tmp_path: Path) -> None:
    """hugetlb limits are found by the kernel's spelling of the page size, v1 and v2."""
    one = _write(
        tmp_path / "1",
        **{f"hugetlb__{name}__limit_in_bytes": 0, f"hugetlb__{name}__usage_in_bytes": 0},
    )
    two = _write(
        tmp_path / "2",
        **{f"hugetlb__{name}__max": "max", f"hugetlb__{name}__current": 0},
        **{f"hugetlb__{name}__rsvd__max": GIB, f"hugetlb__{name}__rsvd__current": 4096},
    )
    limits = cgroup.hugetlb_limits(page_size_bytes, [(1, one), (2, two)])
    assert [limit.available_bytes for limit in limits] == [0, GIB - 4096]

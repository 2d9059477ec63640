"""prefault_kit.kernel.mounts: what is mounted where."""

import os

from prefault_kit.kernel import mounts

DEBIAN = (
    "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    "25 24 0:5 / /dev rw - devtmpfs udev rw,size=1k\n"
    "26 25 0:24 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=1024k\n"
    "27 25 0:25 / /dev/hugepages rw - hugetlbfs hugetlbfs rw,pagesize=2M\n"
    "28 24 0:30 / /mnt/with\\040space rw master:3 propagate_from:2 - xfs /dev/sdb ro,noquota\n"
    "29 24 0:31 / /mnt rw - btrfs /dev/sdc rw\n"
    "30 24 0:32 / /empty rw - overlay none\n"
)


def test_parse_reads_every_column() -> None:
    """Optional fields, escapes and missing options are all read."""
    found = {mount.directory: mount for mount in mounts.parse(DEBIAN)}
    assert found["/mnt/with space"].file_system == "xfs"
    assert "ro" in found["/mnt/with space"].options
    assert "pagesize=2M" in found["/dev/hugepages"].options
    assert found["/empty"].options == ("rw",)


def test_the_longest_mount_point_wins(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """A path belongs to the deepest mount above it, not to one whose name it begins with."""
    monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(DEBIAN))
    assert mounts.file_system("/mnt/with space/x") == "xfs"
    assert mounts.file_system("/mnt/with") == "btrfs"
    assert mounts.file_system("/mntx") == "ext4"
    assert mounts.file_system("/dev/shm") == "tmpfs"
    assert mounts.file_system("/") == "ext4"


def test_an_overlay_lies_where_its_upper_directory_does(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Files of an overlay are in memory where its upper directory is, on a disk if out of sight."""
    upper = tmp_path / "an upper, with a blank"

    def on(file_system: str, overlay_options: str) -> str | None:
        place = str(tmp_path).replace(" ", r"\040")
        text = (
            "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            f"25 24 0:30 / {place} rw - {file_system} none rw\n"
            f"26 24 0:32 / /merged rw - overlay none {overlay_options}\n"
        )
        monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(text))
        return mounts.in_memory("/merged")

    escaped = str(upper).replace(" ", r"\040").replace(",", r"\054")  # as the kernel does
    options = f"rw,lowerdir=/l,upperdir={escaped},workdir=/w"
    assert on("tmpfs", options) is None  # no such directory in sight
    upper.mkdir()
    assert on("tmpfs", options) == "tmpfs"
    assert on("xfs", options) is None
    assert on("tmpfs", "rw,lowerdir=/l") is None
    assert mounts.in_memory(tmp_path) == "tmpfs"


def test_an_overlay_that_shows_its_own_upper_directory_ends(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """In a container the upper directory's path may lead into the overlay itself: a disk."""
    text = f"24 1 0:32 / / rw - overlay none rw,lowerdir=/l,upperdir={tmp_path},workdir=/w\n"
    monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(text))
    assert mounts.in_memory("/etc") is None


def test_a_chroot_without_mounts_has_an_unknown_root(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Where mountinfo names no mount above a path, that is said and does not fail."""
    monkeypatch.setattr(mounts, "mounts", lambda: mounts.parse(DEBIAN.split("\n", 1)[1]))
    assert mounts.file_system("/home") == "unknown"
    assert mounts.file_system("/mnt/with") == "btrfs"


def test_running_kernel() -> None:
    """/proc is proc, and a tmpfs that is found can be written."""
    assert mounts.file_system("/proc") == "proc"
    found = mounts.find("tmpfs")
    assert found is not None
    assert mounts.file_system(found) == "tmpfs"
    assert os.access(found, os.W_OK)


def test_what_is_not_mounted_is_not_found() -> None:
    """A file system that nobody mounted gives None."""
    assert mounts.find("no-such-fs") is None
    assert mounts.find("tmpfs", block_bytes=12345) is None

"""Where kernels and the guests' root image are kept, and how they get there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "PREFAULT_KERNELS_CACHE"


class CacheError(OSError):
    """The cache cannot be used: one sentence that says what to do."""


class Cache:
    """A directory; one process works in it at a time."""

    def __init__(self, place: Path | None = None) -> None:
        self.place = place or default()

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk."""
        total = 0
        for directory, _, files in os.walk(self.place):
            for name in files:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(directory, name)).st_blocks * 512
        return total

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes out; CacheError if one is in."""
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self.refused(error) from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CacheError(
                    f"another prefault-kit process is using {self.place}: wait until it has ended"
                ) from None
            for left in self.place.glob("*.part-*"):  # of a process that was killed
                _remove(left)
            yield
        finally:
            os.close(lock)

    def refused(self, error: OSError) -> CacheError:
        """What the system said of a file in the cache, as a sentence."""
        said = (error.strerror or str(error)).lower()
        return CacheError(
            f"the cache {self.place} cannot be used ({said}): set {VARIABLE} to another directory"
        )

    def room_for(self, size_bytes: int, what: str) -> None:
        """CacheError unless the disk has this much free."""
        free = shutil.disk_usage(self.place).free
        if free < size_bytes:
            raise CacheError(
                f"{what} needs {size_bytes >> 20:,} MiB in {self.place}, and {free >> 20:,} are "
                f"free: free some, or set {VARIABLE} to another directory"
            )

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A directory to fill, which becomes ``name`` when the block ends well, and goes if not."""
        part = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=self.place))
        try:
            yield part
            _remove(self.place / name)
            part.rename(self.place / name)
        finally:
            _remove(part)

    def clean(self) -> int:
        """Remove all of it: how many bytes that were."""
        with self.claimed():
            size = self.size_bytes
            for each in self.place.iterdir():
                if each.name != "lock":
                    _remove(each)
        with contextlib.suppress(OSError):
            (self.place / "lock").unlink()
            self.place.rmdir()
        return size


def default() -> Path:
    """The usual place: below XDG_CACHE_HOME, which is ``~/.cache`` where nobody says otherwise."""
    said = os.environ.get(VARIABLE)
    if said:
        return Path(said)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "prefault-kit" / "kernels"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

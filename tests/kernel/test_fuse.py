"""prefault_kit.kernel.fuse: who serves it returns when there is nothing to serve."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.kernel import fuse
from prefault_kit.measure.forked import told


@pytest.mark.parametrize("words", [b"", b"too little for a request"])
def test_it_ends_where_nobody_asks(words: bytes) -> None:
    """At the end of what can be read, and of what is no request; in a child, as it is served."""

    def serve() -> str:
        reader, writer = os.pipe()
        os.write(writer, words)
        os.close(writer)
        fuse.serve(reader, 1, 1, parent=os.getppid())
        return "it has ended"

    assert told(serve) == "it has ended"


def test_a_device_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The errno says why there is no FUSE."""
    monkeypatch.setattr(fuse, "DEVICE", str(tmp_path / "fuse"))
    with pytest.raises(OSError) as caught:
        fuse.connect()
    assert caught.value.errno == errno.ENOENT

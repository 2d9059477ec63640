"""prefault_kit.studies.qemu.monitor: QMP in a thread of its own."""

import asyncio
import json
import socket
import threading

import pytest

from prefault_kit.studies.qemu import Qemu
from prefault_kit.studies.qemu.monitor import Disconnected, Monitor, QemuError


@pytest.mark.needs("qemu")
def test_it_runs_beside_an_event_loop() -> None:
    """As in the kernel of a notebook, whose main thread runs one."""

    async def version() -> str:
        with Qemu() as running:
            return running.version

    assert asyncio.run(version())


@pytest.fixture
def answering() -> tuple[socket.socket, list[str]]:
    """A monitor that answers as QEMU does, and refuses one command; and what it was asked."""
    ours, theirs = socket.socketpair()
    asked: list[str] = []

    def say(message: dict[str, object]) -> None:
        theirs.sendall(json.dumps(message).encode() + b"\n")

    def serve() -> None:
        with theirs:
            say({"QMP": {"version": {}, "capabilities": []}})
            while data := theirs.recv(1 << 16):  # one message: each waits for its answer
                message = json.loads(data)
                asked.append(message["execute"])
                if message["execute"] == "break":
                    return
                answer = {"return": {"qemu": {"major": 7, "minor": 2, "micro": 1}}}
                if message["execute"] == "refused":
                    answer = {"error": {"class": "GenericError", "desc": "as asked"}}
                if "id" in message:
                    answer["id"] = message["id"]
                say(answer)

    threading.Thread(target=serve, daemon=True).start()
    return ours, asked


def test_an_answer_has_its_time(answering: tuple[socket.socket, list[str]]) -> None:
    """After a refusal it can be asked again; in the end no thread is left."""
    threads = threading.active_count()
    connection, asked = answering
    monitor = Monitor(connection)
    assert monitor.version == "7.2.1"
    answer, elapsed_ms = monitor.ask("first", size=1)
    assert answer["qemu"]["major"] == 7
    assert elapsed_ms > 0
    with pytest.raises(QemuError, match=r"QEMU 7.2.1 says: as asked"):
        monitor.ask("refused")
    monitor.ask("second")
    assert asked == ["qmp_capabilities", "query-version", "first", "refused", "second"]
    monitor.close()
    monitor.close()
    assert threading.active_count() <= threads
    assert connection.fileno() == -1


def test_a_connection_that_breaks_is_an_error(answering: tuple[socket.socket, list[str]]) -> None:
    """While it waits for an answer, and afterwards."""
    monitor = Monitor(answering[0])
    for _ in range(2):
        with pytest.raises(Disconnected):
            monitor.ask("break")
    monitor.close()


def test_what_is_no_monitor_is_an_error() -> None:
    """And nothing stays open."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(Disconnected):
        Monitor(ours)
    assert ours.fileno() == -1

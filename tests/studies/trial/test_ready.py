"""prefault_kit.studies.trial.ready: when a program is ready."""

import os
import signal
import socket
import time

import pytest

from prefault_kit.studies.trial.ready import MOST_WAITING, Listener, Ready, answers


def test_a_pattern_that_comes_in_parts() -> None:
    """Of which the end comes later."""
    with Listener(Ready("ready .* serve")) as listener:
        os.write(listener.fd, b"not yet; rea")
        assert not listener.wait(0.05)
        os.write(listener.fd, b"dy to serve\n")
        assert listener.wait(20)
    assert listener.ready_ns
    assert listener.tail == "not yet; ready to serve\n"


def test_a_pattern_that_takes_forever_can_be_interrupted() -> None:
    """By a signal, as Ctrl-C is one."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Listener(Ready("(a+)+b")) as listener:
            os.write(listener.fd, b"a" * 60)

            def wait() -> None:
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                listener.wait(60)

            with pytest.raises(KeyboardInterrupt):
                wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_nobody_waits_for_stops_no_listener() -> None:
    """More than is kept is written, and the end of the block comes all the same."""
    with Listener(Ready("never")) as listener:
        for _ in range(MOST_WAITING + 2):
            os.write(listener.fd, b"more")
            time.sleep(0.002)
    assert listener.ready_ns is None


def test_a_port_that_answers() -> None:
    """And not before."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Listener(Ready(port=port)) as listener:
            assert listener.wait(20)
    assert not answers(port)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give one of them"),
        ({"pattern": "a", "port": 1}, "give one of them"),
        ({"pattern": "("}, "no regular expression"),
        ({"port": 0}, "from 1 to 65535"),
    ],
)
def test_bad_input(options: dict[str, object], said: str) -> None:
    """One sentence each."""
    with pytest.raises(ValueError, match=said):
        Ready(**options)  # type: ignore[arg-type]

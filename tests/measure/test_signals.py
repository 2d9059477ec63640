"""prefault_kit.measure.signals: what would end a command waits for the end of the block."""

import signal
import threading

import pytest

from prefault_kit.measure import signals


def test_an_interrupt_comes_at_the_end() -> None:
    """What is done in the block is done; the handler is as before."""
    handler = signal.getsignal(signal.SIGINT)
    done = []

    def work() -> None:
        with signals.later():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_in_another_thread_there_is_nothing_to_handle() -> None:
    """Signals come to the main thread, and handlers are its."""

    def work() -> None:
        with signals.later():
            seen.append(signal.getsignal(signal.SIGINT))

    seen: list[object] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]

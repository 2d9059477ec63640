"""prefault_kit.studies.trial.run: one run of a program and its figures."""

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.tracer import Rule
from prefault_kit.studies.trial.ready import Ready
from prefault_kit.studies.trial.run import RunFailed, Setting, perform
from tests.kernel import traced

pytestmark = [pytest.mark.needs("compiler"), pytest.mark.needs("tracing")]

PAGES = 512
SIZE = PAGES * PAGE
WRITE = Rule(("MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE"), least_bytes=SIZE, access="w")


def test_figures() -> None:
    """What was advised, how much, and what was refused."""
    found = perform(
        (traced.program(), "anonymous", "512", "2"), Setting(), [WRITE], least_bytes=SIZE
    )
    assert (found.run.advised, found.run.advised_bytes) == (2, 2 * SIZE)
    assert found.run.errors == {} and found.run.status == 0
    bounded = Setting(most_bytes=SIZE)
    found = perform((traced.program(), "anonymous", "512", "2"), bounded, [WRITE], least_bytes=SIZE)
    assert list(found.run.refused.values()) == [1]


def test_a_service_is_ended_when_it_was_ready() -> None:
    """With the time until then, and the load's; traced or not."""
    setting = Setting(Ready("ready"), load=("true",))
    for traced_too in (True, False):
        found = perform((traced.program(), "serve"), setting, traced=traced_too, least_bytes=SIZE)
        assert found.run.ready_ms and found.run.load_ms
        assert found.run.ready_ms < found.run.wall_ms
        assert found.run.status == -15


@pytest.mark.parametrize(
    ("words", "setting", "said"),
    [
        (("fail",), Setting(Ready("ready")), "ended before it was ready; its last words: no luck"),
        (("serve",), Setting(Ready("never"), timeout_s=0.2), "not ready within 0.2 s"),
        (("spin",), Setting(timeout_s=0.2), "did not end within 0.2 s"),
        (("serve",), Setting(Ready("ready"), load=("false",)), "load failed .exit status 1."),
        (("serve",), Setting(Ready("ready"), load=("/no/such",)), "load could not be run"),
    ],
)
def test_runs_that_give_no_figures(words: tuple[str, ...], setting: Setting, said: str) -> None:
    """A sentence each, and the program is ended."""
    with pytest.raises(RunFailed, match=said):
        perform((traced.program(), *words), setting, least_bytes=SIZE)

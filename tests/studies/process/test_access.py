"""prefault_kit.studies.process.access: who may not be looked at, why, and what helps."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.studies.process import NoAccess, Process, access


def test_no_such_process() -> None:
    """A sentence, with ESRCH."""
    with pytest.raises(ProcessLookupError, match="there is no process 4194304") as caught:
        Process(1 << 22)
    assert caught.value.errno == 3


@pytest.mark.needs("root")
def test_another_users_process(ordinary_user: None) -> None:
    """Its totals are open; its memory is not, and the command that helps is named."""
    with Process(os.getppid()) as process:
        assert process.totals().status_bytes("VmRSS")
        with pytest.raises(NoAccess, match="it runs as user 0, and this is user 65534") as caught:
            process.overview()
    assert caught.value.errno == 13
    assert caught.value.missing.command == f"sudo $(command -v prefault-kit) attach {os.getppid()}"


def test_hidden_by_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, and not in /proc (hidepid)."""

    def lacking(_: int) -> None:
        raise FileNotFoundError(2, "no such file")

    import prefault_kit.studies.process.process as module

    monkeypatch.setattr(module, "ProcessDirectory", lacking)
    with pytest.raises(NoAccess, match="is another user's, and /proc hides it") as caught:
        Process(os.getpid())
    assert caught.value.missing.command


def test_a_privileged_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this user by its ids, and closed: setuid or not dumpable; root lacks CAP_SYS_PTRACE."""
    with ProcessDirectory(os.getpid()) as own:
        for uid, words in ((0, "CAP_SYS_PTRACE"), (1234, "PR_SET_DUMPABLE")):
            status = own.status() | {"Uid": f"{uid} {uid} {uid} {uid}"}
            monkeypatch.setattr(own, "status", lambda status=status: status)
            monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
            with pytest.raises(NoAccess, match=words), access.in_words(own.pid, own):
                raise PermissionError(13, "permission denied")


def test_a_proc_of_another_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids there are of other processes: nothing is looked at, and least of all advised."""
    monkeypatch.setattr(os, "readlink", lambda _: "4242")
    with pytest.raises(NoAccess, match="another PID namespace: it calls this process 4242"):
        Process(os.getpid())


@pytest.mark.skipif(not Path("/proc/2/status").exists(), reason="needs to see the kernel's threads")
def test_a_thread_of_the_kernel() -> None:
    """It has no memory of its own."""
    if "kthreadd" not in Path("/proc/2/comm").read_text():
        pytest.skip("needs to see the kernel's threads")
    with Process(2) as process, pytest.raises(ProcessLookupError, match="thread of the kernel"):
        process.overview()


def test_one_whose_memory_is_gone_but_which_is_no_zombie_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends: it was never a thread of the kernel."""
    with ProcessDirectory(os.getpid()) as own:
        status = {name: value for name, value in own.status().items() if name != "VmSize"}
        monkeypatch.setattr(own, "status", lambda: status)
        assert "ended meanwhile" in str(access.without_memory(own))


def test_another_file_that_is_not_there() -> None:
    """While the process lives it is that file's error, and not the end of the process."""
    with (
        ProcessDirectory(os.getpid()) as own,
        pytest.raises(FileNotFoundError),
        access.in_words(own.pid, own),
    ):
        raise FileNotFoundError(2, "no such file")

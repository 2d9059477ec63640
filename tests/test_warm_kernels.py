"""tests.warm_kernels: a forked kernel is a process of its own, as one that was started is."""

import ast
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import local_provisioner

from tests import warm_kernels
from tests.cli.command import await_true, is_gone

Started = tuple[KernelManager, BlockingKernelClient]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Started]:
    """One with a directory and a word of its own in its environment."""
    monkeypatch.setattr(local_provisioner, "launch_kernel", warm_kernels.launch)
    manager = warm_kernels.manager()
    manager.start_kernel(cwd=str(tmp_path), env=os.environ | {"A_WORD": "of its own"})
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def said(kernel: Started, code: str) -> str:
    """What code in the kernel evaluates to."""
    reply = kernel[1].execute(code, user_expressions={"it": "it"}, reply=True, timeout=60)
    return str(reply["content"]["user_expressions"]["it"]["data"]["text/plain"])


def test_it_is_a_process_of_its_own(kernel: Started, tmp_path: Path) -> None:
    """Its group, its directory, its environment, the packages of this one and not our root."""
    told = said(
        kernel,
        "import os, sys, __main__; it = [os.getpid() == os.getpgid(0), os.getcwd(), "
        "os.environ['A_WORD'], sys.executable, __main__.__name__]",
    )
    assert ast.literal_eval(told) == [True, str(tmp_path), "of its own", sys.executable, "__main__"]
    root = str(Path(__file__).parents[1])
    assert said(kernel, f"it = {root!r} in sys.path") == "False"
    assert said(kernel, "it = 'bokeh' in sys.modules") == "True"


def test_an_interrupt_and_an_end(kernel: Started) -> None:
    """Ctrl-C reaches it alone; killed, it is known to have ended."""
    manager, client = kernel
    pid = int(said(kernel, "import os; it = os.getpid()"))
    waiting = client.execute("print('begun', flush=True); import time; time.sleep(600)")
    await_true(lambda: "begun" in client.get_iopub_msg(timeout=60)["content"].get("text", ""))
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != waiting:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    os.kill(pid, signal.SIGKILL)
    await_true(lambda: not manager.is_alive())
    assert is_gone(pid)

"""Notebooks under test get kernels forked from a process that has imported their packages.

A pytest plugin: ``-p tests.warm_kernels``. A kernel takes 0.7 s to start and Bokeh 0.9 s to
import, for each of the notebooks. They are executed in whole, in a process of their own, all the
same. JupyterLab, ``make site`` and ``make refresh`` start kernels as ever.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

PRELOADED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipywidgets",
    "numpy",
    "bokeh.plotting",
    "prefault_kit.notebook",
    "prefault_kit.screens.playground",
)
BEGIN_S = 60.0
ROOT = str(Path(__file__).parents[1])
_numbers = itertools.count()


class WarmKernel:
    """A forked kernel, with what a provisioner of Jupyter asks of a ``subprocess.Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], env: dict[str, str], cwd: str | None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        ours, its = context.Pipe()
        self._process = context.Process(target=_be_kernel, args=(its, command, env, cwd))
        self._process.start()
        its.close()
        if not ours.poll(BEGIN_S):
            raise TimeoutError("a kernel did not begin")
        ours.recv()  # its group is its own from here on, and may be sent signals
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Its exit status, once it has ended."""
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """As the provisioner does where it has no group."""
        if self.pid is not None and self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _be_kernel(begun: Connection, command: list[str], env: dict[str, str], cwd: str | None) -> None:
    """What ``python -m ipykernel_launcher`` does, from a process that has its packages."""
    os.setsid()
    begun.send(True)
    begun.close()
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    sys.path[:] = [each for each in sys.path if each != ROOT]
    ends_with = f"--IPKernelApp.parent_handle={os.getppid()}"
    sys.argv = [*command[command.index("-m") + 1 :], ends_with]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


def launch(cmd: list[str], **known: Any) -> WarmKernel:
    """As ``jupyter_client.launcher.launch_kernel``."""
    return WarmKernel(cmd, dict(known["env"]), known.get("cwd"))


@functools.cache
def _sockets() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="kernels-")


def manager(**known: Any) -> KernelManager:
    """One that speaks to its kernel by sockets in a directory: a port of TCP that was free may be
    another's before the kernel has it."""
    from jupyter_client.manager import KernelManager

    return KernelManager(transport="ipc", ip=f"{_sockets().name}/{next(_numbers)}", **known)


def pytest_configure() -> None:
    """Where the provisioner starts a process, fork one."""
    from jupyter_client.provisioning import local_provisioner
    from nbval import kernel

    local_provisioner.launch_kernel = launch
    kernel.KernelManager = manager


def end() -> None:
    """End the process that kernels are forked from; multiprocessing would, if later."""
    if _sockets.cache_info().currsize:
        _sockets().cleanup()
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]

"""A process that observes a program, and is killed."""

import os
import select
import subprocess
import sys


def killed(code: str) -> None:
    """Run Python code whose program says "ready" to ``{writer}``; kill it: the program is gone too.

    The pipe is closed when nobody has it open any more.
    """
    reader, writer = os.pipe()
    with open(reader) as output:
        command = [sys.executable, "-c", code.format(writer=writer)]
        observer = subprocess.Popen(command, pass_fds=[writer])
        os.close(writer)
        assert output.readline() == "ready\n"
        observer.kill()
        observer.wait(timeout=60)
        assert select.select([output], [], [], 60)[0]
        assert output.read() == ""

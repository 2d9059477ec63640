"""A real JupyterLab on loopback and a real Chromium that drives it, both for tests."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import nbformat

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 120
LOG = "lab.log"
LOCAL = ("127.0.0.1", "")
"""Hosts that a page may ask; data: and blob: addresses have none."""


@dataclass(frozen=True)
class Server:
    """A running JupyterLab."""

    address: str
    token: str

    def url(self, notebook: str) -> str:
        """The address of a notebook, in a workspace of its own."""
        return f"{self.address}/lab/tree/{quote(notebook)}?reset&token={self.token}"


def write_notebook(path: Path, *cells: nbformat.NotebookNode) -> None:
    """A notebook of these cells, for the kernel of the kit."""
    made = nbformat.v4.new_notebook(cells=list(cells))
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, path)


@contextlib.contextmanager
def server(root: Path, scratch: Path, *, theme: str = "JupyterLab Light") -> Iterator[Server]:
    """Serve ``root`` from a JupyterLab whose own files all lie in ``scratch``."""
    token = secrets.token_hex(16)
    places = {
        "JUPYTER_CONFIG_DIR": scratch / "config",
        "JUPYTER_DATA_DIR": scratch / "data",
        "JUPYTER_RUNTIME_DIR": scratch / "runtime",
        "IPYTHONDIR": scratch / "ipython",
        "HOME": scratch / "home",
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    _settings(scratch, theme)
    with (scratch / LOG).open("wb") as out:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                "--ip=127.0.0.1", f"--ServerApp.root_dir={root}",
                f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True",
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {name: str(place) for name, place in places.items()},
        )  # fmt: skip
    try:
        yield _started(process, scratch, token)
    finally:
        process.terminate()  # the server ends its kernels
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=60)


def _settings(scratch: Path, theme: str) -> None:
    """No news, and a theme, as if a person had chosen them."""
    settings = scratch / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))


def _started(process: subprocess.Popen[bytes], scratch: Path, token: str) -> Server:
    """The server once it answers, at the port that it has found free."""
    said = scratch / "runtime" / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):  # not yet, or not all of it
            running = Server(f"http://127.0.0.1:{json.loads(said.read_text())['port']}", token)
            urllib.request.urlopen(f"{running.address}/api?token={token}", timeout=5)
            return running
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{(scratch / LOG).read_text()[-4000:]}")


_READY = """() => {
    const app = window.jupyterapp
    const widget = app?.shell?.currentWidget
    if (!widget?.context || !app.commands.hasCommand("notebook:run-all-cells")) return false
    if (!widget.context.isReady || !widget.sessionContext.isReady) return false
    const kernel = widget.sessionContext.session?.kernel
    return kernel?.connectionStatus === "connected" && kernel?.status === "idle"
}"""


@dataclass
class Tab:
    """A page of the browser with a notebook in it."""

    page: Any
    abroad: list[str] = field(default_factory=list)
    """Addresses of requests that did not go to this machine."""
    complaints: list[str] = field(default_factory=list)
    """Errors on the browser's console."""

    def open(self, url: str) -> None:
        """Load a notebook and wait until its kernel is idle."""
        self.page.goto(url)
        self.await_kernel()

    def switch(self, notebook: str) -> None:
        """Open another notebook in the page that is loaded, as if it were a new one."""
        self.page.set_viewport_size({"width": 1600, "height": 1400})
        self.complaints.clear()
        self.abroad.clear()
        self.command("docmanager:open", path=notebook)
        self.await_kernel()

    def show(self, code: str) -> None:
        """Run this in the first cell; what the cell showed before goes."""
        self.page.evaluate(_SET_FIRST, code)
        self.run_all()

    def await_kernel(self) -> None:
        """Wait until the notebook's kernel is connected and idle."""
        self.await_true(lambda: self.page.evaluate(_READY))

    def await_true(self, condition: Callable[[], bool], timeout_s: float = START_S) -> None:
        """Wait until something holds; TimeoutError if it never does."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not come true in {timeout_s} s")
            time.sleep(0.1)

    def run_all(self) -> None:
        """Run all cells; returns when they are done."""
        self.command("notebook:run-all-cells")

    def command(self, name: str, **arguments: str) -> None:
        """Execute one of JupyterLab's commands."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )

    def press(self, label: str) -> None:
        """Click the explorer's button of this name."""
        self.button(label).click()

    def button(self, label: str) -> Any:
        """The explorer's button of this name."""
        return self.page.locator(".prefault").get_by_role("button", name=label, exact=True)

    def await_status(self, text: str, timeout_s: float = START_S) -> str:
        """Wait until the explorer's status has this text; the whole status."""
        from playwright.sync_api import Error

        status = self.page.locator(".prefault-status", has_text=text)
        try:
            status.wait_for(timeout=timeout_s * 1000)
        except Error as error:
            found = self.page.locator(".prefault-status").all_inner_texts()
            raise TimeoutError(f"{text!r} is not in the status {found}") from error
        return str(status.inner_text())

    def ask(self, expression: str) -> str:
        """Let the kernel compute an expression, as another cell would; its text."""
        return str(self.page.evaluate(_ASK, expression))

    def chosen(self, label: str) -> str:
        """What a chooser of this name shows."""
        chooser = self.page.get_by_label(label)
        shown = chooser.evaluate("chooser => chooser.selectedOptions[0].text")
        return str(shown).replace("\xa0", " ")

    def focused(self) -> str:
        """The label of what has the focus."""
        return str(self.page.evaluate(_FOCUSED))

    def chart_ink(self) -> list[int]:
        """The darkest and the brightest value that the first chart's axis labels have."""
        return [int(value) for value in self.page.evaluate(_INK)]

    def overflowing(self) -> list[str]:
        """What within the explorer is wider than its place, or beyond the right edge."""
        return [str(name) for name in self.page.evaluate(_OVERFLOWING)]


_ASK = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
    const future = kernel.requestExecute({code: "", user_expressions: {answer: code}})
    const reply = await future.done
    return reply.content.user_expressions.answer.data["text/plain"]
}"""

_SET_FIRST = """(code) => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets
    cells[0].model.sharedModel.setSource(code)
}"""

_FOCUSED = """() => {
    const element = document.activeElement
    return element.labels?.[0]?.textContent || element.textContent || element.tagName
}"""

_INK = """() => {
    const card = document.querySelector(".prefault-card")
    const find = (root) => [...root.querySelectorAll("*")].flatMap(
        (element) => [element, ...(element.shadowRoot ? find(element.shadowRoot) : [])])
    let low = 255, high = 0
    for (const canvas of find(card).filter((element) => element.tagName === "CANVAS")) {
        const {data} = canvas.getContext("2d").getImageData(0, 0, 45, canvas.height)
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] < 200) continue
            low = Math.min(low, data[i]), high = Math.max(high, data[i])
        }
    }
    return [low, high]
}"""

_OVERFLOWING = """() => {
    const page = document.querySelector(".prefault")
    const edge = page.getBoundingClientRect().right + 1
    return [page, ...page.querySelectorAll("*")]
        .filter((element) => {
            const box = element.getBoundingClientRect()
            const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX)
            return box.width > 0 && (box.right > edge
                || scrolls && element.scrollWidth > element.clientWidth + 1)
        })
        .map((element) => `${element.tagName}.${element.className} ${element.textContent}`)
}"""


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


@contextlib.contextmanager
def tab(chromium: Any, *, width: int = 1600, height: int = 1200) -> Iterator[Tab]:
    """A page that records what leaves this machine and what fails."""
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(START_S * 1000)
    made = Tab(context.new_page())
    made.page.on(
        "request",
        lambda request: (
            urlsplit(request.url).hostname not in (*LOCAL, None) and made.abroad.append(request.url)
        ),
    )
    made.page.on(
        "console",
        lambda line: (
            line.type == "error" and made.complaints.append(f"{line.text} {line.location}")
        ),
    )
    try:
        yield made
    finally:
        context.close()

"""A sparse device to click: a button for each block, and how much is plugged and resident."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from prefault_kit.memory import small_tmpfs
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.memory.sparse_device import FAILED, PLUGGED, Device, PlugError
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.parts import Page, button
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show.sentences import sentence

BLOCKS, BLOCK_BYTES, LIMIT_BYTES = 64, 1 << 20, 40 << 20
"""A device of 64 MiB on a tmpfs of 40 MiB."""
MARKS = {PLUGGED: "prefault-plugged", FAILED: "prefault-failed-block"}


class DeviceScreen:
    """A device on the screen; ``page`` is what to display."""

    def __init__(self, device: Device, limit_bytes: int) -> None:
        self.device = device
        self.limit_bytes = limit_bytes
        self.blocks = tuple(self._block(number) for number in range(len(device.states)))
        self.all = button("Plug all", "Plug every block, or none")
        self.none = button("Unplug all", "Release all memory")
        self.all.on_click(lambda _: self._plug_all())
        self.none.on_click(lambda _: self._unplug_all())
        self.status = widgets.HTML()
        self.account = widgets.HTML()
        board = widgets.Box(self.blocks)
        board.add_class("prefault-blocks")
        self.page = Page("device")
        self.page.children = (
            widgets.HTML(CSS),
            parts.grid(
                parts.panel("Blocks", board, parts.actions(self.all, self.none), self.status),
                parts.panel("Account", self.account),
            ),
        )
        self._show("Click a block to plug it, and again to unplug it.", failed=False)

    def _block(self, number: int) -> widgets.Button:
        made = button(f"{number}", f"Block {number}")
        made.on_click(lambda _: self._click(number))
        return made

    def _click(self, number: int) -> None:
        if self.device.states[number] == PLUGGED:
            self._do(lambda: self.device.unplug(number), f"Block {number} is unplugged.")
        else:
            self._do(lambda: self.device.plug(number), f"Block {number} is plugged.")

    def _plug_all(self) -> None:
        states = self.device.states
        free = _runs([block for block, state in enumerate(states) if state != PLUGGED])

        def plug() -> None:
            done = []
            try:
                for run in free:
                    self.device.plug(*run)
                    done.append(run)
            except PlugError:
                for run in done:
                    self.device.unplug(*run)
                raise

        self._do(plug, "All blocks are plugged.")

    def _unplug_all(self) -> None:
        def unplug() -> None:
            for first, count in _runs(
                [block for block, state in enumerate(self.device.states) if state == PLUGGED]
            ):
                self.device.unplug(first, count)

        self._do(unplug, "All memory has been released.")

    def _do(self, action: Callable[[], object], message: str) -> None:
        try:
            action()
        except PlugError as error:
            self._show(sentence(error.strerror), failed=True)
        else:
            self._show(message, failed=False)

    def _show(self, message: str, *, failed: bool) -> None:
        for made, state in zip(self.blocks, self.device.states, strict=True):
            for each, mark in MARKS.items():
                (made.add_class if each == state else made.remove_class)(mark)
            made.tooltip = f"{made.description}: {state}"
        self.status.value = text.status(message, "", failed=failed)
        self.account.value = self._account()

    def _account(self) -> str:
        found = self.device.account()
        rows = (
            ("size of the device", self.device.memory.size_bytes),
            ("plugged", found.plugged_bytes),
            ("resident", found.resident_bytes),
            ("allocated on the tmpfs", found.backend_bytes),
            ("size of the tmpfs", self.limit_bytes),
        )
        most = max(size for _, size in rows)
        return "".join(
            f'<div class="prefault-amount"><span>{escape(name)}</span>'
            f'<span class="prefault-measure"><i style="width:{size / most:.1%}"></i></span>'
            f"<b>{format_bytes(size) if size else '0'}</b></div>"
            for name, size in rows
        )


def _runs(blocks: list[int]) -> list[tuple[int, int]]:
    """First block and count of each run of adjacent blocks."""
    runs: list[tuple[int, int]] = []
    for block in blocks:
        if runs and sum(runs[-1]) == block:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((block, 1))
    return runs


def device(
    blocks: int = BLOCKS, block_bytes: int = BLOCK_BYTES, limit_bytes: int = LIMIT_BYTES
) -> DeviceScreen:
    """Show a device on a small tmpfs of its own; OSError if this user cannot mount one."""
    fd = small_tmpfs.file(limit_bytes, blocks * block_bytes)
    memory = Mapping(Backing.tmpfs("/"), blocks * block_bytes, "shared", fd=fd, reserve=False)
    weakref.finalize(memory, os.close, fd)
    screen = DeviceScreen(Device(memory, block_bytes), limit_bytes)
    screen.page.show()
    return screen

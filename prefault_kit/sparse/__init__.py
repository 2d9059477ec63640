"""A sparse memory device, as virtio-mem is one: blocks of a large mapping, plugged and unplugged.

In a notebook: ``from prefault_kit.sparse.view import device; device()``.
"""

from prefault_kit.sparse.device import Device, PlugError

__all__ = ["Device", "PlugError"]

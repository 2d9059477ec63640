"""The C of the kit and its cffi build; :mod:`prefault_kit.kernel.syscalls` alone imports it."""

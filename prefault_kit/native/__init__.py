"""The C of the kit and its cffi build; only :mod:`prefault_kit.syscalls` imports what it makes."""

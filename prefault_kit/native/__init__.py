"""The C of the kit and its cffi build.

Only :mod:`prefault_kit.syscalls` and :mod:`prefault_kit.host.userfaultfd` import what it makes.
"""

"""The kernel as it is: system calls by way of the C, their errors, and what /proc and /sys say.

The one room that enters the C, opens /proc or asks by ioctl. It decides nothing.
"""

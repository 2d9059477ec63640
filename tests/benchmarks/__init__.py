"""Benchmarks: every budget of the kit, measured and shown as a ratio. Nothing here asserts a time.

Run ``python -m tests.benchmarks``; ``--help`` tells of the parts and of the figures to save.
"""

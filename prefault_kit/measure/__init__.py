"""Measuring: the worker that may die, start states, runs that take turns, the record of each."""

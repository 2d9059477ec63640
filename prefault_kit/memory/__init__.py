"""Memory to work on: where it comes from, a mapping of it, the methods to populate it, and what is
built on that (preallocating, snapshots, a sparse device);
and memory of one's own: buffers, weights, what is in memory of them, how to bring it there.
"""

"""Measure the node against what its own arithmetic allows, and against the obvious way to write it."""

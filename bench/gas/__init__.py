"""Measure what every operation costs on chain, and hold it against limits, rivals and the committed snapshot."""

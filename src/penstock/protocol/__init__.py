"""The pure core: what two parties sign and what each may rely on.

Nothing here does I/O, reads a clock or draws a random number; time, randomness and chain height come in
as arguments, and private keys never come in at all. Source: docs/protocol.md.
"""

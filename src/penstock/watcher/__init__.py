"""The watcher: keeps the newest evidence of every channel it is given and answers stale closes with it.

A process of its own, with its own store and a key that pays gas and signs receipts but can move nobody's funds.
Source: docs/protocol.md, section 4; how to run one: docs/watcher.md.
"""

"""Payment channels in USDC for agents: a co-signing node, a watcher and a client."""

__version__ = "0.1.0"

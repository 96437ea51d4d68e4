"""The command line: ``penstock``. `main` is its entry point."""

from penstock.cli.main import main

__all__ = ["main"]

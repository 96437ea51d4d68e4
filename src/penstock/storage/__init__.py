"""Records on SQLite or PostgreSQL: one database a process, written by one thread, committed in groups."""

from penstock.node.records import Block, Intent, Transaction, TransactionStatus, Watch
from penstock.storage.database import Database
from penstock.storage.unit_of_work import UnitOfWork

__all__ = ["Block", "Database", "Intent", "Transaction", "TransactionStatus", "UnitOfWork", "Watch"]

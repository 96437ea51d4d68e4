"""Faults of the records, each with a name (the tree's root is in `penstock.protocol.errors`)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import PenstockError


class StorageError(PenstockError):
    """The records cannot be read or written as asked."""


@dataclass(eq=False)
class StorageUnavailable(StorageError):
    """The database does not answer, or a commit failed: whether it was kept is unknown."""

    reason: str
    message = "the database is unavailable: {reason}"
    remedy = "Send the same request again: everything can be repeated, nothing happens twice."


@dataclass(eq=False)
class InvalidDatabaseUrl(StorageError):
    """No database that this version works with; a password in the URL is not repeated here."""

    got: str
    message = "the database URL is {got}, expected sqlite:///<file> or postgresql+psycopg://<host>/<name>"
    remedy = "Correct the database setting."


@dataclass(eq=False)
class SchemaTooNew(StorageError):
    """The database was written by a newer version."""

    found: str
    known: str
    message = "the database has schema {found}, this version knows schemas up to {known}"
    remedy = "Run the version that wrote the database, or a newer one: records are never migrated backwards."


@dataclass(eq=False)
class RecordConflict(StorageError):
    """A record exists that the new one contradicts; nothing is overwritten."""

    record: str
    stored: str
    got: str
    message = "{record} is stored as {stored}, not {got}"
    remedy = "Read the record again and decide anew."


@dataclass(eq=False)
class KeyReused(StorageError):
    """One key, two different intents."""

    key: str
    stored: str
    got: str
    message = "the key {key} belongs to another intent: stored {stored}, got {got}"
    remedy = "Give every intent a key made of what it does."

"""The signer's memory: what one key has promised, in a file of its own (docs/protocol.md, section 3; INV-12).

The file outlives the main database: a restored backup of that one cannot make the key sign twice at one sequence
or forget a promise.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from penstock.chain.errors import ForeignMarks, MarksUnavailable, SignerInUse
from penstock.protocol.messages import Withdrawal
from penstock.protocol.primitives import ZERO_WORD, Address, Bytes32

_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (address BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (
    channel_id   BLOB PRIMARY KEY,
    highest      TEXT NOT NULL,
    digest       BLOB NOT NULL,
    paid         TEXT,
    locked       TEXT,
    cosigned     TEXT NOT NULL,
    close_paid   TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawals (
    channel_id  BLOB NOT NULL,
    payer_total TEXT NOT NULL,
    payee_total TEXT NOT NULL,
    deadline    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, payer_total, payee_total, deadline)
) WITHOUT ROWID;
"""

_KNOWN_MAX = 100_000
"""Marks kept in memory, so that signing in a busy channel does not ask the file each time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the key has signed in one channel.

    Attributes
    ----------
    highest
        The highest sequence signed, 0 before the first state.
    digest
        Of the state at ``highest``; zero if it is not known to this key (the channel was recovered).
    paid, locked
        Figures of the state at ``highest``, None if they are not known.
    cosigned
        The newest sequence known to be co-signed.
    close_paid
        The figure of the `Close` that was signed, None without one.
    withdrawals
        Every `Withdrawal` signed that no other one covers. Whether one still counts depends on the confirmed
        block's time, which the signer does not know.
    """

    channel_id: Bytes32
    highest: int = 0
    digest: Bytes32 = ZERO_WORD
    paid: int | None = 0
    locked: int | None = 0
    cosigned: int = 0
    close_paid: int | None = None
    withdrawals: tuple[Withdrawal, ...] = ()


class Marks:
    """A durable table of marks, held by one process at a time.

    Writes are staged in memory; `flush` makes all of them durable in one commit. All methods may be called from
    any thread.

    Raises
    ------
    SignerInUse
        Another process, or another instance in this one, holds the file.
    ForeignMarks
        The file belongs to another key.
    MarksUnavailable
        The file cannot be opened, read or written.
    """

    def __init__(self, path: Path, owner: Address) -> None:
        self._path = path
        self._mutex = threading.RLock()
        self._staged: dict[Bytes32, Mark] = {}
        self._known: dict[Bytes32, Mark] = {}
        with self._faults():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        try:
            with self._faults():
                self._connection = self._open()
            self._check_owner(owner)
        except BaseException:
            os.close(self._lock)
            raise

    def get(self, channel_id: Bytes32) -> Mark:
        """Return the channel's mark, staged changes included; an empty one for a channel never signed in."""
        with self._mutex:
            mark = self._staged.get(channel_id) or self._known.get(channel_id)
            if mark is None:
                mark = self._load(channel_id)
                self._remember(mark)
            return mark

    def stage(self, mark: Mark) -> None:
        """Let ``mark`` count from now on; it is lost on a crash before `flush`."""
        with self._mutex:
            self._staged[mark.channel_id] = mark

    def flush(self) -> None:
        """Write what was staged and wait until the disk has it; if that fails it stays staged."""
        with self._mutex, self._faults():
            if not self._staged:
                return
            marks = list(self._staged.values())
            try:
                self._write(marks)
            except sqlite3.Error:
                # Some failures (a full disk) have rolled back by themselves; a second rollback then fails.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._staged.clear()
            for mark in marks:
                self._remember(mark)

    def close(self) -> None:
        """Commit, close the file and let another process have it; a second call does nothing."""
        with self._mutex:
            if self._lock < 0:
                return
            try:
                self.flush()
            finally:
                self._connection.close()
                os.close(self._lock)
                self._lock = -1

    def _take_lock(self) -> int:
        # A file of its own: SQLite's locks on the database are POSIX ones, which closing any other descriptor of
        # that file would drop. This one belongs to its descriptor and ends with the process, kill -9 included.
        lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise SignerInUse(str(self._path)) from error
        return lock

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        return connection

    def _check_owner(self, owner: Address) -> None:
        with self._faults():
            self._connection.execute(
                "INSERT INTO owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM owner)", (bytes(owner),)
            )
            stored = Address(self._connection.execute("SELECT address FROM owner").fetchone()["address"])
        if stored != owner:
            self._connection.close()
            raise ForeignMarks(str(self._path), str(owner), str(stored))

    def _remember(self, mark: Mark) -> None:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[mark.channel_id] = mark

    def _load(self, channel_id: Bytes32) -> Mark:
        with self._faults():
            row = self._connection.execute("SELECT * FROM marks WHERE channel_id = ?", (bytes(channel_id),)).fetchone()
            if row is None:
                return Mark(channel_id)
            withdrawals = self._connection.execute(
                "SELECT payer_total, payee_total, deadline FROM withdrawals WHERE channel_id = ?", (bytes(channel_id),)
            )
            return Mark(
                channel_id,
                highest=int(row["highest"]),
                digest=Bytes32(row["digest"]),
                paid=_int(row["paid"]),
                locked=_int(row["locked"]),
                cosigned=int(row["cosigned"]),
                close_paid=_int(row["close_paid"]),
                withdrawals=tuple(
                    Withdrawal(channel_id, int(payer), int(payee), deadline) for payer, payee, deadline in withdrawals
                ),
            )

    def _write(self, marks: list[Mark]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, marks))
        promises = [mark for mark in marks if mark.withdrawals]
        self._connection.executemany(
            "DELETE FROM withdrawals WHERE channel_id = ?", [(bytes(mark.channel_id),) for mark in promises]
        )
        self._connection.executemany(
            "INSERT INTO withdrawals VALUES (?, ?, ?, ?)",
            [
                (bytes(mark.channel_id), str(promise.payer_total), str(promise.payee_total), promise.deadline)
                for mark in promises
                for promise in mark.withdrawals
            ],
        )
        self._connection.execute("COMMIT")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MarksUnavailable(str(self._path), str(error)) from error


def _row(mark: Mark) -> tuple[bytes | str | None, ...]:
    return (
        bytes(mark.channel_id),
        str(mark.highest),
        bytes(mark.digest),
        _text(mark.paid),
        _text(mark.locked),
        str(mark.cosigned),
        _text(mark.close_paid),
    )


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)

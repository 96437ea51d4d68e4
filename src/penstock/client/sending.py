"""The client's own transactions: stored first, sent by one sender that runs only when there is something to send."""

from __future__ import annotations

from dataclasses import replace

from anyio.abc import TaskGroup

from penstock.chain.sender import Sender
from penstock.storage import Database, Intent, Transaction, UnitOfWork


class Sending:
    """Start the sender in ``tasks`` as soon as it is needed, and wait for transactions."""

    def __init__(self, sender: Sender, database: Database, tasks: TaskGroup) -> None:
        self._sender = sender
        self._database = database
        self._tasks = tasks
        self._runs = False

    async def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        if await self._database.read(self._unfinished):
            self._start()

    async def send(self, intent: Intent, wait_seconds: float) -> Transaction:
        """Send ``intent``, once for its key, and return its transaction when a block holds it.

        Where earlier attempts under this key had no effect, the key gets a number and a new attempt begins.

        Raises
        ------
        TransactionFailed, TransactionPending
            As `Sender.wait`.
        KeyReused
            A transaction under this key is under way, with another content.
        """

        def enqueue(uow: UnitOfWork) -> str:
            key = _open_key(uow, intent.key)
            self._sender.enqueue(uow, replace(intent, key=key))
            return key

        key = await self._database.run(enqueue)
        self._start()
        return await self._sender.wait(key, wait_seconds)

    def _start(self) -> None:
        if not self._runs:
            self._runs = True
            self._tasks.start_soon(self._sender.run)

    def _unfinished(self, uow: UnitOfWork) -> bool:
        return bool(uow.transactions.unfinished())


def _open_key(uow: UnitOfWork, key: str) -> str:
    attempt, chosen = 1, key
    while (earlier := uow.transactions.get(chosen)) is not None and earlier.failure is not None:
        attempt += 1
        chosen = f"{key}:{attempt}"
    return chosen

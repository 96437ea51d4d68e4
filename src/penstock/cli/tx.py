"""``penstock tx``: the transactions of a node or a watcher, whether it runs or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.errors import RecordsMissing, TransactionUnclear
from penstock.cli.options import DEFAULT_HOME, AsJson, Home
from penstock.cli.output import Output
from penstock.cli.purse import settings_of
from penstock.cli.tx_view import transaction_data, transaction_facts, transaction_table
from penstock.node.ports import UnitOfWork
from penstock.node.records import Transaction, Wishes
from penstock.storage.database import Database

app = typer.Typer(
    name="tx",
    help=(
        "Look after the transactions of the node or the watcher: what waits, what it offers, and why one failed. It "
        "reads and writes the records themselves, so it works while the process is down; a running one acts within "
        "seconds."
    ),
    no_args_is_help=True,
)

_RECENT = 1000


class Process(StrEnum):
    """Whose records."""

    NODE = "node"
    WATCHER = "watcher"


Of = Annotated[Process, typer.Option("--of", help="Whose transactions.")]
Which = Annotated[
    str,
    typer.Argument(metavar="ID", help="The number from `tx list`, or the key or its beginning.", show_default=False),
]


@app.command("list")
def list_transactions(
    of: Of = Process.NODE,
    everything: Annotated[bool, typer.Option("--all", help="Those that are final too, the newest 1000.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List what is not final yet, oldest first."""
    with _records(home, of) as database:
        if everything:
            found = database.read_sync(lambda uow: uow.transactions.recent(_RECENT))[::-1]
        else:
            found = database.read_sync(lambda uow: uow.transactions.unfinished())
    data = [transaction_data(each) for each in found]
    shown = transaction_table(found, int(time.time())) if found else "nothing is under way"
    Output(as_json=as_json).result(data, shown)


@app.command()
def show(which: Which, of: Of = Process.NODE, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show all that is known of one transaction."""
    with _records(home, of) as database:
        found = database.read_sync(lambda uow: _find(uow, which))
    _print(found, as_json=as_json)


@app.command()
def bump(which: Which, of: Of = Process.NODE, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Raise the fees at the next look, by an eighth or to the market's; never above the budget."""
    _wish(which, Wishes(bump=True), of, home, as_json=as_json)


@app.command()
def cancel(which: Which, of: Of = Process.NODE, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Have it not happen: one that was sent is replaced by an empty transaction with its nonce.

    The version that was sent may still win the race; `tx show` tells how it ended. A watcher that still sees the need
    sends another one.
    """
    _wish(which, Wishes(cancel="cancelled by the operator"), of, home, as_json=as_json)


def _wish(which: str, wishes: Wishes, of: Process, home: Path, *, as_json: bool) -> None:
    def work(uow: UnitOfWork) -> Transaction:
        transaction = _find(uow, which)
        uow.transactions.wish(transaction.id, wishes)
        return _find(uow, str(transaction.id))

    with _records(home, of) as database:
        found = database.run_sync(work)
    _print(found, as_json=as_json)


def _print(found: Transaction, *, as_json: bool) -> None:
    Output(as_json=as_json).result(transaction_data(found), transaction_facts(found, int(time.time())))


@contextmanager
def _records(home: Path, of: Process) -> Iterator[Database]:
    """Open the records of a process; raises `RecordsMissing` if there are none yet."""
    settings = settings_of(home)
    section = settings.require_node() if of is Process.NODE else settings.watcher
    url = settings.database_url(section, of)
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(file).exists():
        raise RecordsMissing(of, file)
    with Database(url) as database:
        yield database


def _find(uow: UnitOfWork, which: str) -> Transaction:
    """Return the transaction that is meant; raises `TransactionUnclear`."""
    exact = uow.transactions.get(which)
    if exact is not None:
        return exact
    recent = uow.transactions.recent(_RECENT)
    found = [t for t in recent if str(t.id) == which] or [t for t in recent if t.intent.key.startswith(which)]
    if len(found) != 1:
        raise TransactionUnclear(which, len(found))
    return found[0]

"""All repositories over one connection, in one transaction."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.storage.repositories.causes import Causes
from penstock.storage.repositories.chain import ChainRecords
from penstock.storage.repositories.channels import Channels
from penstock.storage.repositories.receipts import Receipts
from penstock.storage.repositories.states import States
from penstock.storage.repositories.transactions import Transactions
from penstock.storage.repositories.vouchers import Vouchers
from penstock.storage.repositories.watched import Watched


class UnitOfWork:
    """Implements `penstock.node.ports.UnitOfWork`; of use only inside the work it was given to."""

    def __init__(self, connection: sa.Connection) -> None:
        """Open the repositories on the connection's transaction."""
        self.channels = Channels(connection)
        self.states = States(connection)
        self.causes = Causes(connection)
        self.vouchers = Vouchers(connection)
        self.watched = Watched(connection)
        self.receipts = Receipts(connection)
        self.chain = ChainRecords(connection, self.channels, self.watched)
        self.transactions = Transactions(connection)

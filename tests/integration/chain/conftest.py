from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.chain.account import Account
from penstock.storage.database import Database
from tests.support.anvil import Chain
from tests.support.disputes import Pair, make_pair


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        database.migrate()
        yield database


@pytest.fixture
def pair(chain: Chain) -> Pair:
    """A pair; asked for before `account`, while the chain mines by itself."""
    return make_pair(chain)


@pytest.fixture
def account(chain: Chain) -> Account:
    """An account with money on a chain that mines when it is told to."""
    account = chain.anvil.new_account()
    chain.mint(account.address)
    chain.anvil.automine(enabled=False)
    return account

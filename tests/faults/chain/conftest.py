"""One chain for all faults, and a world of its own for each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from penstock.chain import rpc
from penstock.chain.account import new_key
from penstock.storage.database import Database
from tests.faults.chain.world import World
from tests.support.anvil import Chain, deploy, run_anvil
from tests.support.fault_proxy import FaultProxy, run_proxy
from tests.support.postgres import Postgres, run_postgres

_HEIGHT_MAX = 600
_SETTLED_BLOCKS = 80
"""Deeper than any reorg here: what is made before a test stays."""


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads be tried again at once, whatever the endpoint asks for."""
    monkeypatch.setattr(rpc, "_RETRY_AFTER_SECONDS_MAX", 0.01)
    monkeypatch.setattr(rpc, "_RETRY_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(rpc, "_RETRY_WAIT_MAX_SECONDS", 0.002)


class Chains:
    """The chain in use; a new one when it is long, since Anvil then loses states that a deep reorg goes back to."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._chain: Chain | None = None

    def current(self) -> Chain:
        """Return a chain that mines only when it is told to, once the contracts are there."""
        if self._chain is None or self._chain.anvil.height > _HEIGHT_MAX:
            self.close()
            self._chain = deploy(self._running.enter_context(run_anvil()))
            self._chain.anvil.automine(enabled=False)
        return self._chain

    def close(self) -> None:
        """End the chain."""
        self._running.close()


@pytest.fixture(scope="session")
def chains() -> Iterator[Chains]:
    chains = Chains()
    yield chains
    chains.close()


@pytest.fixture
def faulty_chain(chains: Chains) -> Chain:
    return chains.current()


@pytest.fixture
def proxy(faulty_chain: Chain, seed: int) -> Iterator[FaultProxy]:
    with run_proxy(faulty_chain.url, seed) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with run_postgres() as server:
        yield server


@pytest.fixture
def new_url(request: pytest.FixtureRequest, seed: int, tmp_path: Path) -> Callable[[], str]:
    """Make addresses of new databases: on PostgreSQL with every second seed, else on SQLite."""
    if seed % 2 == 0:
        server: Postgres = request.getfixturevalue("postgres")
        return server.migrated
    numbers = count()
    return lambda: f"sqlite:///{tmp_path / f'records-{next(numbers)}.db'}"


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(faulty_chain: Chain, proxy: FaultProxy, seed: int, new_url: Callable[[], str]) -> Iterator[MakeWorld]:
    """Make worlds: so many accounts with tokens and gas money."""
    anvil = faulty_chain.anvil
    databases: list[Database] = []

    def make(accounts: int = 1) -> World:
        anvil.automine(enabled=True)
        keys = [new_key() for _ in range(accounts)]
        url = new_url()
        database = Database(url)
        databases.append(database)
        database.migrate()
        world = World(faulty_chain, proxy, database, url, keys, seed)
        anvil.fund(*(account.address for account in world.accounts))
        faulty_chain.mint(*(account.address for account in world.accounts), amount=1 << 100)
        anvil.automine(enabled=False)
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        anvil.mine(_SETTLED_BLOCKS)
        return world

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()

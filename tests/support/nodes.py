"""A node on real records with a real signer, a chain that says what a test wants, served over real HTTP."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn

from penstock.api.app import create_app
from penstock.chain.outside import ContractCalls
from penstock.chain.signer import Signer
from penstock.node.context import Context, Policy
from penstock.node.delivery import Delivery
from penstock.node.head import Head
from penstock.node.node import Node
from penstock.node.outside import Courier, Opening
from penstock.node.ports import UnitOfWork
from penstock.node.records import Block, Intent, Item, Transaction
from penstock.protocol.messages import Channel, Request
from penstock.protocol.onchain import OnChain, Open, Phase
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage.database import Database
from penstock.storage.tables import metadata
from tests.support.parties import DOMAIN, PAYEE, TOKEN, Party, make_channel

TOKEN_HEADER = {"authorization": "Bearer the-operators-own-token"}
NOW = 1_800_000_000
HEAD = Block(100, Bytes32(b"\x64" * 32), NOW)


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedChain:
    """Answers what a test wrote down."""

    wallets: set[Address] = field(default_factory=set)
    revert: str | None = None
    simulated: list[bytes] = field(default_factory=list)

    async def has_code(self, address: Address) -> bool:
        return address in self.wallets

    async def authorization_digest(self, channel_id: Bytes32, channel: Channel, opening: Opening) -> bytes:
        return opening_digest(opening)

    async def simulate(self, data: bytes) -> str | None:
        self.simulated.append(data)
        return self.revert


def opening_digest(opening: Opening) -> bytes:
    """Return what a payer signs on the scripted chain."""
    return DOMAIN.digest(Request("opening", str(opening.auth_salt), opening.amount))


class StoringOutbox:
    """Stores intents; nothing is ever sent."""

    def enqueue(self, uow: UnitOfWork, intent: Intent, items: Sequence[Item] = ()) -> Transaction:
        return uow.transactions.add(intent, NOW, items)


@dataclass
class NodeWorld:
    """A node, its records, and the levers that move what is around it."""

    node: Node
    database: Database
    signer: Signer
    chain: ScriptedChain
    clock: Clock
    home: Path
    closes: dict[Bytes32, Bytes32]
    """By channel, the transaction that waits and would close it."""

    def open(
        self,
        channel: Channel | None = None,
        *,
        payer_deposit: int = 1000,
        payee_deposit: int = 0,
    ) -> Position:
        """Register a channel whose deposits are confirmed, and return its position."""
        channel = channel or make_channel()
        channel_id = DOMAIN.channel_id(channel)
        self.database.run_sync(lambda uow: uow.channels.add(channel_id, channel, NOW))
        self.set_onchain(channel_id, OnChain(Open(), payer_deposit, payee_deposit))
        return self.position(channel_id)

    def set_onchain(self, channel_id: Bytes32, onchain: OnChain) -> None:
        """Have the chain say this about a channel, at every depth."""
        self.database.run_sync(lambda uow: uow.channels.set_onchain(channel_id, onchain, onchain))

    def set_phase(self, channel_id: Bytes32, phase: Phase) -> None:
        """Have the chain say that a channel is in this phase."""
        funds = self.position(channel_id).funds
        self.set_onchain(channel_id, OnChain(phase, funds.payer_deposit, funds.payee_deposit))

    def position(self, channel_id: Bytes32) -> Position:
        """Return what the records say of a channel."""
        position = self.database.read_sync(lambda uow: uow.channels.get(channel_id))
        assert position is not None
        return position

    def records(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, to compare."""
        engine = sa.create_engine(f"sqlite:///{self.home / 'node.db'}")
        with engine.connect() as connection:
            rows = {
                table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
                for table in metadata.sorted_tables
            }
        engine.dispose()
        return rows


@cache
def _empty_records() -> bytes:
    """Return a migrated database without rows: migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "empty.db"
        with Database(f"sqlite:///{path}") as database:
            database.migrate()
        return path.read_bytes()


@contextmanager
def new_node(home: Path, *couriers: Courier, relay_minimum_deposit: int | None = 100) -> Iterator[NodeWorld]:
    """Make a node whose payee and signer is `PAYEE`, on the records in ``home`` or fresh ones."""
    records = home / "node.db"
    if not records.exists():
        records.write_bytes(_empty_records())
    signer = Signer(PAYEE.key.secret, home / "marks.db", DOMAIN)
    clock = Clock()
    head = Head(clock, 60)
    head.follow(HEAD)
    policy = Policy(PAYEE.address, (TOKEN,), (60, 86_400), (60, 3600), 1, relay_minimum_deposit)
    closes: dict[Bytes32, Bytes32] = {}
    context = Context(DOMAIN, policy, signer, ContractCalls(DOMAIN.contract), StoringOutbox(), head, clock, closes)
    chain = ScriptedChain()
    try:
        with Database(f"sqlite:///{records}", signer.flush) as database:
            node = Node(context, database, chain, Delivery(database, couriers, 0.01))
            yield NodeWorld(node, database, signer, chain, clock, home, closes)
    finally:
        signer.close()


@contextmanager
def serve_node(node: Node) -> Iterator[httpx.Client]:
    """Serve a node on a free port, in a thread with an event loop of its own."""
    app = create_app(node, TOKEN_HEADER["authorization"].removeprefix("Bearer "))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def party_header(party: Party, path: str, *, method: str = "GET", issued_at: int = NOW) -> dict[str, str]:
    """Return the header by which a channel's signer shows who it is."""
    signature = party.sign(Request(method, path, issued_at))
    return {"authorization": f"Penstock issuedAt={issued_at}, signature=0x{signature.hex()}"}

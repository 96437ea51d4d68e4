"""F08, F09, F12: the node is killed again and again while a payer pays; nothing is lost, nothing signed twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.chain.keys import load_keystore
from penstock.chain.signer import Signer
from penstock.client import AsyncChannel, AsyncClient, Patience
from penstock.client.errors import NodeUnreachable
from penstock.node.records import StateRecord
from penstock.protocol.errors import CauseRepeated
from penstock.protocol.invariants import one_state_per_sequence
from penstock.protocol.messages import SignedState, SignedVoucher
from penstock.protocol.primitives import Bytes32
from penstock.protocol.wire import hex_of
from penstock.storage.database import Database
from tests.integration.client.world import PASSWORD, NodeProcess, Payer, new_node
from tests.support.anvil import USDC, Chain, deploy, run_anvil
from tests.support.parties import cause_id

KILLS = 50
VOUCHER_KILLS = 10
DEPOSIT = 90 * USDC
AMOUNT = 1_000
LONGEST_LIFE_SECONDS = 0.4

# Short enough that many payments are given up in the middle, and have to be found again.
PATIENCE = Patience(request_seconds=0.3, answer_seconds=0.3, chain_seconds=60, poll_seconds=0.1, refresh_seconds=1)


@dataclass
class Run:
    """A payer that pays without a pause, and what it knows of its payments."""

    node: NodeProcess
    channel: AsyncChannel
    chance: random.Random
    paid: list[Bytes32] = field(default_factory=list)
    given_up: int = 0
    # Held for one payment at a time, so that the two sides can be compared between payments.
    between: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def pay(self) -> None:
        """Pay until cancelled, each payment until it is known to have arrived."""
        while True:
            async with self.between:
                await self.pay_once(cause_id(len(self.paid) + 1))

    async def pay_once(self, cause: Bytes32) -> None:
        """Pay under one id as often as it takes: the id makes sure that it counts once."""
        try:
            while not await self.attempt(cause):
                self.given_up += 1
        except CauseRepeated:
            # An attempt that was given up had arrived after all.
            pass
        self.paid.append(cause)

    async def attempt(self, cause: Bytes32) -> bool:
        try:
            await self.channel.pay(AMOUNT, None if self.channel.terms.one_way else cause)
        except NodeUnreachable:
            return False
        return True

    async def kill_once(self) -> None:
        """Let the node live for a random moment, kill it, start it again, and compare the two sides."""
        await asyncio.sleep(self.chance.uniform(0, LONGEST_LIFE_SECONDS))
        await asyncio.to_thread(self.node.kill)
        await asyncio.to_thread(self.node.start)
        async with self.between:
            await self.compare()

    async def compare(self) -> None:
        """Check that the node holds all that the payer holds co-signed, to the byte."""
        ours = await self.channel.latest()
        assert not isinstance(ours, SignedVoucher)
        if ours is None:
            return
        theirs = (await asyncio.to_thread(self.ask, "/states/latest"))["newest"]
        assert int(theirs["state"]["sequence"]) == ours.state.sequence
        assert theirs["payeeSignature"] == hex_of(ours.payee_signature)
        assert theirs["payerSignature"] == hex_of(ours.payer_signature)

    def ask(self, path: str) -> Any:
        """Read the channel from the node as its operator."""
        headers = {"authorization": f"Bearer {self.node.operator_token}"}
        answer = httpx.get(f"{self.node.url}/v1/channels/{self.channel.id}{path}", headers=headers, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture
def chain() -> Iterator[Chain]:
    with run_anvil("--block-time", "1") as anvil:
        yield deploy(anvil)


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201 (what reproduces a failure)
    return random.Random(seed)


@pytest.mark.timeout(240)
def test_states_survive_a_node_that_is_killed_at_any_moment(
    chain: Chain, tmp_path: Path, chance: random.Random
) -> None:
    with new_node(chain, tmp_path / "node") as node:
        node.start()
        payer = node.payer()
        asyncio.run(pay_and_kill(node, payer, chance, chain))


async def pay_and_kill(node: NodeProcess, payer: Payer, chance: random.Random, chain: Chain) -> None:
    async with node.connect(payer, patience=PATIENCE) as client:
        run = Run(node, await open_channel(client, one_way=False), chance)
        await kill_while_paying(run, KILLS)
        assert run.given_up, "no payment was ever interrupted: the kills came at dull moments"

        total = AMOUNT * len(run.paid)
        assert (await run.channel.get_in_step()).base.paid == total
        await asyncio.to_thread(check_records, run, await everything(run.channel))

        await asyncio.to_thread(node.start)
        await run.channel.close()
        assert await asyncio.to_thread(chain.balance, run.channel.terms.payee) == total
        assert await asyncio.to_thread(chain.balance, chain.contract) == 0


@pytest.mark.timeout(120)
def test_vouchers_survive_a_node_that_is_killed_at_any_moment(
    chain: Chain, tmp_path: Path, chance: random.Random
) -> None:
    with new_node(chain, tmp_path / "node") as node:
        node.start()
        payer = node.payer()
        asyncio.run(voucher_and_kill(node, payer, chance))


async def voucher_and_kill(node: NodeProcess, payer: Payer, chance: random.Random) -> None:
    # A voucher has no id: one that was given up is sent again by `resend`, not by a second payment.
    async with node.connect(payer) as client:
        run = Run(node, await open_channel(client, one_way=True), chance)
        paying = asyncio.create_task(run.pay())
        for _ in range(VOUCHER_KILLS):
            await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.start)
        async with run.between:
            paying.cancel()

        newest = await run.channel.latest()
        assert isinstance(newest, SignedVoucher)
        assert newest.voucher.paid == AMOUNT * len(run.paid)
        held = await asyncio.to_thread(run.ask, "/vouchers/latest")
        assert held["voucher"] == {"paid": str(newest.voucher.paid), "payerSignature": hex_of(newest.payer_signature)}


async def open_channel(client: AsyncClient, *, one_way: bool) -> AsyncChannel:
    while True:
        try:
            return await client.open_channel(DEPOSIT, one_way=one_way)
        except NodeUnreachable:
            (channel,) = await client.channels()
            await channel.wait_until_open()
            return channel


async def kill_while_paying(run: Run, kills: int) -> None:
    paying = asyncio.create_task(run.pay())
    for _ in range(kills):
        await run.kill_once()
        assert not paying.done() or paying.result() is None
    async with run.between:
        paying.cancel()


async def everything(channel: AsyncChannel) -> dict[int, SignedState]:
    """Return every state that the payer holds with both signatures, by sequence."""
    found: dict[int, SignedState] = {}
    before = None
    while page := await channel.history(before, 500):
        for recorded in page:
            assert isinstance(recorded.evidence, SignedState)
            before = recorded.evidence.state.sequence
            if recorded.evidence.payee_signature:
                found[before] = recorded.evidence
    return found


def check_records(run: Run, ours: dict[int, SignedState]) -> None:
    """Kill the node for good, and read what it has on disk."""
    run.node.kill()
    channel_id = run.channel.id
    with Database(f"sqlite:///{run.node.home}/node.db") as database:
        theirs = database.read_sync(lambda uow: uow.states.history(channel_id, None, 10**6))
    check_states(theirs, ours, run.paid)

    newest = theirs[0].signed.state
    key = load_keystore(run.node.home / "keys/node.json", PASSWORD)
    domain = run.node.chain.domain
    signer = Signer(key, run.node.home / "node-marks.db", domain)
    try:
        mark = signer.mark(channel_id)
    finally:
        signer.close()
    assert mark.digest == domain.digest(newest)
    assert mark.cosigned == newest.sequence


def check_states(theirs: list[StateRecord], ours: dict[int, SignedState], paid: list[Bytes32]) -> None:
    one_state_per_sequence([record.signed for record in theirs] + list(ours.values()))
    assert {record.signed.state.sequence: record.signed for record in theirs} == ours
    applied = [cause.cause_id for record in theirs for cause in record.causes]
    assert sorted(applied) == sorted(paid), "a payment is missing, or was made twice"

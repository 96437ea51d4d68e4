"""What the client reads of the chain is of one chain, or is not believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import RpcUnavailable
from penstock.chain.rpc import BlockId, Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.client.contract_chain import ContractChain
from penstock.client.patience import Patience
from penstock.client.sending import Sending
from penstock.protocol.onchain import OnChain, Open, Unopened
from penstock.protocol.primitives import Bytes32
from penstock.storage import Database
from tests.support.anvil import Chain
from tests.support.disputes import Pair, make_pair

pytestmark = pytest.mark.anyio


class Forgetful(ChannelsContract):
    """Reads the real contract, but as it was before the channel was opened while it is told to forget."""

    forgets = False
    forgets_after: int | None = None
    forgets_at: int | None = None
    asked = 0

    async def get_channel(self, channel_id: Bytes32, block: BlockId = "latest") -> OnChain:
        self.asked += 1
        late = self.forgets_after is not None and self.asked > self.forgets_after
        if self.forgets or late or block == self.forgets_at:
            return OnChain()
        return await super().get_channel(channel_id, block)


@pytest.fixture
async def pair(fresh_chain: Chain) -> Pair:
    return await anyio.to_thread.run_sync(make_pair, fresh_chain)


@pytest.fixture
async def endpoint(pair: Pair, tmp_path: Path) -> AsyncIterator[tuple[ContractChain, Forgetful]]:
    rpc = await Rpc.connect(pair.chain.url)
    contract = Forgetful(rpc, pair.chain.domain)
    database = Database(f"sqlite:///{tmp_path / 'client.sqlite'}")
    async with anyio.create_task_group() as tasks:
        sending = Sending(Sender(rpc, [pair.payer], database, SenderSettings()), database, tasks)
        yield ContractChain(rpc, contract, pair.payer, database, sending, Patience()), contract
    database.close()
    await rpc.close()


async def test_a_channel_that_goes_back_without_a_reorg_is_not_believed(
    pair: Pair, endpoint: tuple[ContractChain, Forgetful]
) -> None:
    chain, contract = endpoint
    assert (await chain.view(pair.channel_id)).head.phase == Open()

    contract.forgets = True
    with pytest.raises(RpcUnavailable, match="went back"):
        await chain.view(pair.channel_id)
    contract.forgets = False
    assert (await chain.view(pair.channel_id)).head.phase == Open()


async def test_a_block_is_asked_about_once(pair: Pair, endpoint: tuple[ContractChain, Forgetful]) -> None:
    chain, contract = endpoint
    contract.forgets_after = 1

    view = await chain.view(pair.channel_id)

    # Read twice, one block gave a deposit at the confirmed depth and none at the head: nothing could be paid then.
    assert view.confirmed == view.head


async def test_a_channel_that_is_further_below_the_head_is_not_believed(
    pair: Pair, endpoint: tuple[ContractChain, Forgetful]
) -> None:
    chain, contract = endpoint
    chain.patience = Patience(confirmations=2)
    await anyio.to_thread.run_sync(pair.chain.anvil.mine)
    contract.forgets_at = pair.chain.anvil.height

    with pytest.raises(RpcUnavailable, match="went back"):
        await chain.view(pair.channel_id)


async def test_a_channel_that_goes_back_in_a_reorg_is_believed(
    pair: Pair, endpoint: tuple[ContractChain, Forgetful]
) -> None:
    chain, _ = endpoint
    assert (await chain.view(pair.channel_id)).head.phase == Open()

    def reorg(anvil: Any) -> None:
        anvil.reorg(1)
        anvil.mine()

    await anyio.to_thread.run_sync(reorg, pair.chain.anvil)

    assert (await chain.view(pair.channel_id)).head.phase == Unopened()


async def test_a_channel_that_goes_on_is_believed(pair: Pair, endpoint: tuple[ContractChain, Forgetful]) -> None:
    chain, _ = endpoint
    before = (await chain.view(pair.channel_id)).head

    await anyio.to_thread.run_sync(pair.send, calls.deposit(pair.channel, 5))

    assert (await chain.view(pair.channel_id)).head.payer_deposit == before.payer_deposit + 5

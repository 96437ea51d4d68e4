"""The contracts put on real chains."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar

import pytest

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.create2 import PROXY, PROXY_CODE, PROXY_COST_WEI, PROXY_SIGNER, plan_contracts
from penstock.chain.deploy import Deployed, deploy_contracts, deploy_dev_usdc
from penstock.chain.errors import ForeignCode, NoContract, RpcRefused
from penstock.chain.rpc import BlockId, Rpc
from penstock.chain.standing import Creation, verified_code
from penstock.protocol.primitives import Address, Bytes32
from tests.support.anvil import Anvil, run_anvil

T = TypeVar("T")
PLAN = plan_contracts(60, 3_600)
CHANNELS = PLAN[0]
OTHER_CHAIN_ID = 31338


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with run_anvil() as anvil:
        yield anvil


def run(anvil: Anvil, work: Callable[[Rpc], Awaitable[T]], kind: type[Rpc] = Rpc) -> T:
    async def connected() -> T:
        rpc = await kind.connect(anvil.url)
        try:
            return await work(rpc)
        finally:
            await rpc.close()

    return asyncio.run(connected())


def deploy(
    anvil: Anvil, account: Account, recorded: Mapping[str, Creation] | None = None, kind: type[Rpc] = Rpc
) -> Deployed:
    async def work(rpc: Rpc) -> Deployed:
        deployed = {planned.name: where async for planned, where in deploy_contracts(rpc, account, PLAN, recorded)}
        assert deployed.keys() == {planned.name for planned in PLAN}
        return deployed["Channels"]

    return run(anvil, work, kind)


def sent_by(anvil: Anvil, account: Account, block: str = "latest") -> int:
    return int(anvil.rpc("eth_getTransactionCount", str(account.address), block), 16)


def test_two_chains_and_two_payers_give_one_address(anvil: Anvil) -> None:
    with run_anvil(chain_id=OTHER_CHAIN_ID) as other:
        here = deploy(anvil, anvil.new_account())
        other_account = other.new_account()
        other.rpc("anvil_setNonce", str(other_account.address), hex(5))
        there = deploy(other, other_account)

        bounds = run(other, lambda rpc: bounds_at(rpc, there.address))

    assert here.address == there.address == CHANNELS.address
    assert here.code != there.code  # Each has its chain's id among its immutables.
    assert bounds == (60, 3_600)


async def bounds_at(rpc: Rpc, address: Address) -> tuple[int, int]:
    return await (await ChannelsContract.connect(rpc, address)).challenge_period_bounds()


def test_a_second_run_sends_nothing_and_finds_what_the_first_one_made(anvil: Anvil) -> None:
    account = anvil.new_account()
    first = deploy(anvil, account)
    sent = sent_by(anvil, account)
    anvil.mine(9)

    second = deploy(anvil, account)

    assert (first.found, second.found) == (False, True)
    assert first.creation is not None
    assert second.creation == first.creation
    assert second.first_block == first.creation.block
    assert sent_by(anvil, account) == sent


def test_a_record_of_another_chains_past_is_not_believed(anvil: Anvil) -> None:
    account = anvil.new_account()
    first = deploy(anvil, account)

    second = deploy(anvil, account, {"Channels": Creation(99, Bytes32(b"\x01" * 32))})

    assert second.creation == first.creation


class Forgetful(Rpc):
    """An endpoint that keeps no history."""

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        if block != "latest":
            raise RpcRefused("eth_getCode", -32000, "missing trie node")
        return await super().code(address, block)


def test_without_history_the_record_is_all_there_is(anvil: Anvil) -> None:
    account = anvil.new_account()
    deploy(anvil, account)
    record = Creation(1, Bytes32(b"\x01" * 32))

    known = deploy(anvil, account, {"Channels": record}, Forgetful)
    unknown = deploy(anvil, account, None, Forgetful)

    assert known.creation == record
    assert (unknown.creation, unknown.first_block) == (None, 1)


def test_a_chain_without_the_proxy_gets_it_paid_by_the_account(anvil: Anvil) -> None:
    anvil.rpc("anvil_setCode", str(PROXY), "0x")
    account = anvil.new_account()

    deployed = deploy(anvil, account)

    assert deployed.address == CHANNELS.address
    assert bytes.fromhex(anvil.rpc("eth_getCode", str(PROXY), "latest")[2:]) == PROXY_CODE


def test_the_proxys_signer_is_given_only_what_it_lacks(anvil: Anvil) -> None:
    anvil.rpc("anvil_setCode", str(PROXY), "0x")
    anvil.rpc("anvil_setBalance", str(PROXY_SIGNER), hex(PROXY_COST_WEI))
    account = anvil.new_account()

    deploy(anvil, account)

    assert sent_by(anvil, account) == len(PLAN)


class Killed(BaseException):
    """The end of the process."""


class KilledOnceSent(Rpc):
    async def send_raw(self, raw: bytes) -> None:
        await super().send_raw(raw)
        raise Killed


def test_what_a_killed_run_has_sent_is_waited_for_and_not_sent_again(anvil: Anvil) -> None:
    account = anvil.new_account()
    anvil.automine(enabled=False)
    with pytest.raises(Killed):
        deploy(anvil, account, None, KilledOnceSent)
    anvil.rpc("evm_setIntervalMining", 1)

    deployed = deploy(anvil, account)

    assert deployed.found
    assert deployed.creation is not None
    assert sent_by(anvil, account, "pending") == len(PLAN)


class OutrunBySomebodyElse(Rpc):
    """An endpoint that first shows no contract, as if somebody deployed it a moment later."""

    looks = 0

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        self.looks += address == CHANNELS.address
        return b"" if self.looks == 1 else await super().code(address, block)


def test_whoever_is_outrun_finds_the_contract(anvil: Anvil) -> None:
    first = deploy(anvil, anvil.new_account())

    second = deploy(anvil, anvil.new_account(), None, OutrunBySomebodyElse)

    assert second.found
    assert second.creation == first.creation


def test_other_code_at_the_address_is_refused(anvil: Anvil) -> None:
    anvil.rpc("anvil_setCode", str(CHANNELS.address), "0x6001")
    account = anvil.new_account()

    with pytest.raises(ForeignCode) as caught:
        deploy(anvil, account)

    assert caught.value.address == str(CHANNELS.address)
    assert sent_by(anvil, account) == 0


def test_one_changed_immutable_is_seen(anvil: Anvil) -> None:
    deployed = deploy(anvil, anvil.new_account())
    word = (3_600).to_bytes(32, "big")
    assert word in deployed.code
    forged = deployed.code.replace(word, (3_601).to_bytes(32, "big"))
    anvil.rpc("anvil_setCode", str(CHANNELS.address), "0x" + forged.hex())

    with pytest.raises(ForeignCode):
        run(anvil, lambda rpc: verified_code(rpc, CHANNELS))


def test_verifying_what_does_not_stand_says_so(anvil: Anvil) -> None:
    with pytest.raises(NoContract):
        run(anvil, lambda rpc: verified_code(rpc, CHANNELS))


def test_the_token_belongs_to_the_account_and_is_deployed_once(anvil: Anvil) -> None:
    account, other = anvil.new_account(), anvil.new_account()
    deploy(anvil, account)

    first = run(anvil, lambda rpc: deploy_dev_usdc(rpc, account))
    again = run(anvil, lambda rpc: deploy_dev_usdc(rpc, account))
    others = run(anvil, lambda rpc: deploy_dev_usdc(rpc, other))

    assert (first.found, again.found, others.found) == (False, True, False)
    assert again.address == first.address != others.address
    assert again.creation == first.creation is not None
    owner = anvil.rpc("eth_call", {"to": str(first.address), "data": "0x8da5cb5b"}, "latest")
    assert bytes.fromhex(owner[-40:]) == account.address

"""What is written to the contracts and read from them, on a real chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import CallReverted, ForeignContract, NoContract, RpcRefused, RpcUnavailable, WrongChainId
from penstock.chain.reverts import explain
from penstock.chain.rpc import Rpc
from penstock.chain.tokens import Token, authorization_digest, authorization_nonce
from penstock.protocol import onchain
from penstock.protocol.messages import State
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Unopened, fold
from penstock.protocol.primitives import Address, Bytes32
from tests.support.anvil import CHAIN_ID, MAX_CHALLENGE_PERIOD_SECONDS, MIN_CHALLENGE_PERIOD_SECONDS, USDC, Chain
from tests.support.disputes import CHALLENGE_PERIOD_SECONDS, make_pair

T = TypeVar("T")
NOBODY = Address(b"\x99" * 20)


def read(chain: Chain, work: Callable[[ChannelsContract], Awaitable[T]]) -> T:
    async def connected(rpc: Rpc) -> T:
        return await work(await ChannelsContract.connect(rpc, chain.contract))

    result: T = chain.run(connected)
    return result


def test_the_whole_life_of_a_channel_is_told_by_its_events(chain: Chain) -> None:
    pair = make_pair(chain)
    pair.deposit(5 * USDC)
    pair.send(pair.withdrawal(3 * USDC, 0, chain.anvil.time + 600))
    pair.send(calls.start_close(pair.channel, pair.state(1, USDC)))
    deadline = chain.anvil.time + CHALLENGE_PERIOD_SECONDS
    pair.send(calls.challenge(pair.channel, pair.state(4, 7 * USDC)), pair.payee)
    chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
    last = pair.send(calls.settle(pair.channel))

    decoded = read(chain, lambda c: c.events_between(chain.start_block, last, pair.channel_id))

    events = [event for _, event in decoded]
    assert events == [
        onchain.ChannelOpened(pair.channel_id, pair.channel, 100 * USDC, 0),
        onchain.Deposited(pair.channel_id, 105 * USDC, 0),
        onchain.Withdrawn(pair.channel_id, 3 * USDC, 0),
        onchain.ClosingStarted(pair.channel_id, deadline),
        onchain.Challenged(pair.channel_id, State(pair.channel_id, 1, USDC)),
        onchain.Challenged(pair.channel_id, State(pair.channel_id, 4, 7 * USDC)),
        onchain.Settled(pair.channel_id, 95 * USDC, 7 * USDC, 0, 0),
    ]
    assert fold(events) == read(chain, lambda c: c.get_channel(pair.channel_id))
    assert decoded[-1][0].block_number == last


def test_a_channel_is_read_in_every_phase(chain: Chain) -> None:
    pair = make_pair(chain, deposit=0)
    assert read(chain, lambda c: c.get_channel(pair.channel_id)) == OnChain(Unopened())

    pair.deposit(50)
    assert read(chain, lambda c: c.get_channel(pair.channel_id)) == OnChain(Open(), payer_deposit=50)

    pair.send(calls.start_close(pair.channel, pair.state(9, 20)))
    deadline = chain.anvil.time + CHALLENGE_PERIOD_SECONDS
    closing = Closing(deadline, State(pair.channel_id, 9, 20))
    assert read(chain, lambda c: c.get_channel(pair.channel_id)) == OnChain(closing, payer_deposit=50)

    pair.send(pair.agreed_close(20))
    assert isinstance(read(chain, lambda c: c.get_channel(pair.channel_id)).phase, Ended)


def test_a_one_way_channel_is_collected_and_closed(chain: Chain) -> None:
    pair = make_pair(chain, one_way=True, deposit=50)
    pair.send(calls.collect(pair.channel, pair.voucher(30)), pair.payee)
    pair.send(calls.start_close(pair.channel))

    found = read(chain, lambda c: c.get_channel(pair.channel_id))
    events = read(chain, lambda c: c.events_between(chain.start_block, chain.anvil.height, pair.channel_id))

    assert found.payee_withdrawn == 30
    assert fold(event for _, event in events) == found
    assert chain.balance(pair.payee.address) == 30


def test_lost_channels_are_found_by_their_payer(chain: Chain) -> None:
    pair = make_pair(chain)
    make_pair(chain, salt=2)

    opened = read(chain, lambda c: c.opened_by(pair.payer.address, chain.start_block, chain.anvil.height))

    assert [event.channel for event in opened] == [pair.channel]


def test_a_deposit_by_authorization_needs_no_gas_of_the_payer(chain: Chain) -> None:
    pair = make_pair(chain, deposit=0)
    salt, before = Bytes32(b"\x05" * 32), chain.anvil.time + 600
    separator = chain.run(lambda rpc: Token(rpc, chain.token).domain_separator())
    digest = authorization_digest(
        separator,
        owner=pair.payer.address,
        contract=chain.contract,
        amount=70,
        valid_after=0,
        valid_before=before,
        nonce=authorization_nonce(pair.channel_id, salt),
    )
    authorization = calls.Authorization(salt, 0, before, pair.payer.sign_digest(digest))

    pair.send(calls.deposit_with_authorization(pair.channel, 70, authorization), chain.deployer)

    assert read(chain, lambda c: c.get_channel(pair.channel_id)).payer_deposit == 70
    nonce = authorization_nonce(pair.channel_id, salt)
    assert chain.run(lambda rpc: Token(rpc, chain.token).authorization_used(pair.payer.address, nonce))


def test_a_token_tells_what_it_is(chain: Chain) -> None:
    async def work(rpc: Rpc) -> tuple[str, int, int]:
        token = Token(rpc, chain.token)
        return await token.symbol(), await token.decimals(), await token.balance(NOBODY)

    assert chain.run(work) == ("USDC", 6, 0)


def test_what_is_no_token_is_named(chain: Chain) -> None:
    with pytest.raises(CallReverted):
        chain.run(lambda rpc: Token(rpc, chain.contract).symbol())
    with pytest.raises(CallReverted, match="no such token"):
        chain.run(lambda rpc: Token(rpc, NOBODY).symbol())


def test_the_contracts_bounds_and_claims_are_read(chain: Chain) -> None:
    bounds = read(chain, lambda c: c.challenge_period_bounds())

    assert bounds == (MIN_CHALLENGE_PERIOD_SECONDS, MAX_CHALLENGE_PERIOD_SECONDS)
    assert read(chain, lambda c: c.claim_of(chain.token, NOBODY)) == 0


def test_a_revert_is_explained_with_the_values_compared(chain: Chain) -> None:
    pair = make_pair(chain)
    pair.send(calls.start_close(pair.channel, pair.state(5, 0)))

    with pytest.raises(CallReverted) as caught:
        chain.run(lambda rpc: rpc.call(chain.contract, calls.challenge(pair.channel, pair.state(4, 0))))

    assert explain(caught.value.data) == "SequenceNotHigher(sequence=4, current=5)"


def test_a_tokens_revert_is_explained_too(chain: Chain) -> None:
    with pytest.raises(CallReverted) as caught:
        chain.run(lambda rpc: rpc.call(chain.token, calls.transfer(NOBODY, 5), sender=Address(b"\x98" * 20)))

    assert explain(caught.value.data).startswith("ERC20InsufficientBalance(sender=0x9898")


def test_a_wrong_chain_is_refused(chain: Chain) -> None:
    async def work(_: Rpc) -> None:
        await Rpc.connect(chain.url, CHAIN_ID + 1)

    with pytest.raises(WrongChainId, match=f"serves chain {CHAIN_ID}, expected chain {CHAIN_ID + 1}"):
        chain.run(work)


def test_a_wrong_contract_is_refused(chain: Chain) -> None:
    with pytest.raises(NoContract):
        chain.run(lambda rpc: ChannelsContract.connect(rpc, NOBODY))
    with pytest.raises((ForeignContract, CallReverted)):
        chain.run(lambda rpc: ChannelsContract.connect(rpc, chain.token))


def test_a_block_that_does_not_exist_is_none(chain: Chain) -> None:
    assert chain.run(lambda rpc: rpc.block(10**9)) is None


def test_logs_of_an_unknown_block_are_refused_and_never_empty(chain: Chain) -> None:
    with pytest.raises((RpcRefused, RpcUnavailable)):
        chain.run(lambda rpc: rpc.logs_in(Bytes32(b"\x01" * 32), chain.contract))

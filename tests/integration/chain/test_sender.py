"""What was enqueued lands once: after kills, replacements, reorgs, lost answers and foreign transactions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.errors import RpcRefused, RpcUnavailable, TransactionFailed, TransactionPending
from penstock.chain.fees import FeeSettings
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.node.records import Intent, TransactionStatus
from penstock.protocol.primitives import Address
from penstock.storage.database import Database
from penstock.storage.errors import KeyReused
from tests.integration.chain.sending import (
    SETTINGS,
    SOMEBODY,
    drop,
    enqueue,
    look,
    nonce_of,
    stored,
    transfer,
    with_sender,
)
from tests.support.anvil import Chain
from tests.support.disputes import Pair, make_pair


def test_an_intent_is_sent_mined_and_confirmed(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    assert stored(database, intent).status is TransactionStatus.QUEUED

    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.SIGNED
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.CONFIRMED
    assert chain.balance(SOMEBODY) == 5
    outcome = stored(database, intent).outcome
    assert outcome is not None
    assert outcome.gas_used > 21_000
    assert outcome.gas_price > 0


def test_the_same_intent_again_is_sent_once(chain: Chain, database: Database, account: Account) -> None:
    for _ in range(3):
        enqueue(database, transfer(chain, 5), transfer(chain, 5))
        look(chain, database, account)
        chain.anvil.mine()

    assert chain.balance(SOMEBODY) == 5
    assert nonce_of(chain, account) == 1


def test_one_key_for_two_intents_is_refused(chain: Chain, database: Database, account: Account) -> None:
    async def work(sender: Sender) -> None:
        await database.run(lambda uow: sender.enqueue(uow, transfer(chain, 5)))
        with pytest.raises(KeyReused):
            await database.run(lambda uow: sender.enqueue(uow, transfer(chain, 6, key="transfer:5")))

    with_sender(chain, database, account, work)


def test_many_intents_are_in_flight_together_in_order(chain: Chain, database: Database, account: Account) -> None:
    intents = [transfer(chain, amount) for amount in range(1, 21)]
    enqueue(database, *intents)
    look(chain, database, account)

    in_flight = database.read_sync(lambda uow: uow.transactions.in_flight(account.address))
    assert [t.signed.nonce for t in in_flight if t.signed] == list(
        range(SETTINGS.in_flight_max - SETTINGS.urgent_reserve)
    )
    chain.anvil.mine()
    look(chain, database, account, 2)
    chain.anvil.mine()
    look(chain, database, account)

    assert chain.balance(SOMEBODY) == sum(range(1, 21))
    assert nonce_of(chain, account) == 20


def test_the_most_urgent_intent_goes_first(chain: Chain, database: Database, account: Account) -> None:
    now = chain.anvil.time
    routine, late, soon = (
        transfer(chain, 1),
        transfer(chain, 2, deadline=now + 900),
        transfer(chain, 3, deadline=now + 300),
    )
    enqueue(database, routine, late, soon)
    look(chain, database, account)

    nonces = [signed.nonce for intent in (soon, late, routine) if (signed := stored(database, intent).signed)]
    assert nonces == [0, 1, 2]


def test_a_kill_between_storing_and_sending_sends_after_the_restart(
    chain: Chain, database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    with monkeypatch.context() as patched:
        patched.setattr(Rpc, "send_raw", die)
        with pytest.raises(Killed):
            look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.SIGNED

    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert chain.balance(SOMEBODY) == 5
    assert stored(database, intent).status is TransactionStatus.MINED


def test_a_kill_before_the_answer_is_stored_sends_nothing_twice(
    chain: Chain, database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Rpc.send_raw

    async def send_and_die(rpc: Rpc, raw: bytes) -> None:
        await original(rpc, raw)
        raise Killed

    enqueue(database, transfer(chain, 5))
    with monkeypatch.context() as patched:
        patched.setattr(Rpc, "send_raw", send_and_die)
        with pytest.raises(Killed):
            look(chain, database, account)

    for _ in range(3):
        look(chain, database, account)
        chain.anvil.mine()

    assert chain.balance(SOMEBODY) == 5
    assert nonce_of(chain, account) == 1


def test_a_send_that_times_out_but_lands_is_found(
    chain: Chain, database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Rpc.send_raw

    async def send_without_answer(rpc: Rpc, raw: bytes) -> None:
        await original(rpc, raw)
        raise RpcUnavailable(rpc.url, "eth_sendRawTransaction", "timed out")

    intent = transfer(chain, 5)
    enqueue(database, intent)
    monkeypatch.setattr(Rpc, "send_raw", send_without_answer)

    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.MINED


def test_one_that_is_known_already_is_not_an_error(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    look(chain, database, account)  # a restart: it sends the same bytes again

    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED


def test_one_that_was_dropped_from_the_pool_is_sent_again(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)

    async def work(sender: Sender) -> None:
        await sender.step()
        drop(chain)
        chain.anvil.mine()
        await sender.step()
        chain.anvil.mine()
        await sender.step()

    with_sender(chain, database, account, work)

    assert stored(database, intent).status is TransactionStatus.MINED


def test_one_that_waits_too_long_is_replaced_with_an_eighth_more_on_both_fees(
    chain: Chain, database: Database, account: Account
) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    first = stored(database, intent).signed
    assert first is not None
    drop(chain)
    chain.anvil.mine(SETTINGS.replace_after_blocks)

    look(chain, database, account)

    second = stored(database, intent).signed
    assert second is not None
    assert second.nonce == first.nonce
    assert 8 * second.max_fee_per_gas >= 9 * first.max_fee_per_gas
    assert 8 * second.max_priority_fee_per_gas >= 9 * first.max_priority_fee_per_gas
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED
    assert chain.balance(SOMEBODY) == 5


def test_the_first_version_may_be_the_one_that_lands(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    first = stored(database, intent).signed
    assert first is not None
    drop(chain)
    chain.anvil.mine(SETTINGS.replace_after_blocks)
    look(chain, database, account)
    drop(chain)
    chain.anvil.rpc("eth_sendRawTransaction", "0x" + first.raw.hex())
    chain.anvil.mine()

    look(chain, database, account)

    outcome = stored(database, intent).outcome
    assert outcome is not None
    assert outcome.hash == first.hash
    assert len(stored(database, intent).hashes) == 2


def test_the_fee_limit_is_never_passed(chain: Chain, database: Database, account: Account) -> None:
    limit = 3 * 10**9
    settings = replace(SETTINGS, fees=FeeSettings(max_fee_limit=limit), replace_after_blocks=1)
    intent = transfer(chain, 5)
    enqueue(database, intent)
    for _ in range(20):
        look(chain, database, account, settings=settings)
        drop(chain)
        chain.anvil.mine()

    signed = stored(database, intent).signed
    assert signed is not None
    assert signed.max_fee_per_gas <= limit


def test_a_fee_below_the_base_fee_is_raised(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    chain.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    chain.anvil.mine()
    look(chain, database, account)
    drop(chain)
    chain.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    chain.anvil.mine()
    for _ in range(SETTINGS.replace_after_blocks + 1):
        look(chain, database, account)
        chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, intent).status in (TransactionStatus.MINED, TransactionStatus.CONFIRMED)


def test_a_reorg_puts_it_back_in_flight_and_it_lands_again(fresh_chain: Chain, database: Database) -> None:
    account = fresh_chain.anvil.new_account()
    fresh_chain.mint(account.address)
    fresh_chain.anvil.automine(enabled=False)
    fresh_chain.anvil.mine(3)
    intent = transfer(fresh_chain, 5)
    enqueue(database, intent)
    look(fresh_chain, database, account)
    fresh_chain.anvil.mine()
    look(fresh_chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED

    fresh_chain.anvil.reorg(1)
    assert fresh_chain.balance(SOMEBODY) == 0
    look(fresh_chain, database, account)
    fresh_chain.anvil.mine()
    look(fresh_chain, database, account)

    assert stored(database, intent).status is TransactionStatus.MINED
    assert fresh_chain.balance(SOMEBODY) == 5
    assert len(stored(database, intent).hashes) == 1


def test_a_reorg_deeper_than_the_confirmations_leaves_no_gap_in_the_nonces(
    fresh_chain: Chain, database: Database
) -> None:
    account = fresh_chain.anvil.new_account()
    fresh_chain.mint(account.address)
    fresh_chain.anvil.mine(3)
    first, second = transfer(fresh_chain, 5), transfer(fresh_chain, 6)
    enqueue(database, first)
    look(fresh_chain, database, account)
    fresh_chain.anvil.mine()
    look(fresh_chain, database, account, times=2)
    assert stored(database, first).status is TransactionStatus.CONFIRMED

    fresh_chain.anvil.reorg(3)
    enqueue(database, second)
    look(fresh_chain, database, account)
    fresh_chain.anvil.mine()
    look(fresh_chain, database, account, times=2)

    assert stored(database, first).status in (TransactionStatus.MINED, TransactionStatus.CONFIRMED)
    assert fresh_chain.balance(SOMEBODY) == 11
    assert len(stored(database, first).hashes) == 1


def test_a_nonce_taken_by_a_foreign_transaction_is_given_up(fresh_chain: Chain, database: Database) -> None:
    # A chain of its own: Anvil forgets the states of old blocks when it is reverted.
    account = fresh_chain.anvil.new_account()
    fresh_chain.mint(account.address)
    fresh_chain.anvil.automine(enabled=False)
    intent = transfer(fresh_chain, 5)
    enqueue(database, intent)
    look(fresh_chain, database, account)
    drop(fresh_chain)
    fresh_chain.anvil.automine(enabled=True)
    fresh_chain.send(account, fresh_chain.token, calls.transfer(SOMEBODY, 100))
    fresh_chain.anvil.automine(enabled=False)
    look(fresh_chain, database, account)
    assert stored(database, intent).status is TransactionStatus.SIGNED, "a receipt may still come late"
    fresh_chain.anvil.mine(4)

    look(fresh_chain, database, account)
    fresh_chain.anvil.mine()
    look(fresh_chain, database, account)

    assert stored(database, intent).status is TransactionStatus.MINED
    assert fresh_chain.balance(SOMEBODY) == 105


def test_a_foreign_transaction_before_is_stepped_over(chain: Chain, database: Database, account: Account) -> None:
    chain.anvil.automine(enabled=True)
    chain.send(account, chain.token, calls.transfer(SOMEBODY, 100))
    chain.anvil.automine(enabled=False)
    enqueue(database, transfer(chain, 5))
    look(chain, database, account)
    chain.anvil.mine()

    assert chain.balance(SOMEBODY) == 105


def test_a_failing_simulation_gives_up_with_the_reason_and_uses_no_nonce(
    chain: Chain, database: Database, pair: Pair, account: Account
) -> None:
    too_early = Intent(f"settle:{pair.channel_id}", "settle", chain.contract, calls.settle(pair.channel))
    enqueue(database, too_early, transfer(chain, 5))
    look(chain, database, account)
    chain.anvil.mine()

    failed = stored(database, too_early)
    assert failed.status is TransactionStatus.FAILED
    assert failed.failure == f"ChannelNotClosing(channelId={pair.channel_id}, phase=1)"
    assert chain.balance(SOMEBODY) == 5
    assert nonce_of(chain, account) == 1


def test_one_whose_deadline_has_passed_is_given_up(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5, deadline=chain.anvil.time)
    enqueue(database, intent)
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.FAILED


def test_a_revert_in_a_block_is_explained(chain: Chain, database: Database, pair: Pair, account: Account) -> None:
    chain.anvil.automine(enabled=True)
    pair.send(calls.start_close(pair.channel))
    chain.anvil.automine(enabled=False)
    data = calls.challenge(pair.channel, pair.state(5, 0))
    first = Intent("challenge:one", "challenge", chain.contract, data)
    second = Intent("challenge:two", "challenge", chain.contract, data)
    enqueue(database, first, second)
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, first).failure is None
    assert stored(database, second).failure == "SequenceNotHigher(sequence=5, current=5)"
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, second).status is TransactionStatus.REVERTED


def test_an_account_without_money_waits_until_it_is_filled(chain: Chain, database: Database) -> None:
    poor = Account.create()
    chain.mint(poor.address)
    chain.anvil.automine(enabled=False)
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, poor)
    assert stored(database, intent).status in (TransactionStatus.QUEUED, TransactionStatus.SIGNED)

    chain.anvil.fund(poor.address)
    chain.anvil.mine()
    look(chain, database, poor)
    chain.anvil.mine()
    look(chain, database, poor)

    assert stored(database, intent).status is TransactionStatus.MINED


def test_one_that_takes_more_gas_than_it_is_worth_is_given_up(
    chain: Chain, database: Database, account: Account
) -> None:
    dear = replace(transfer(chain, 5, "dear"), gas_max=25_000)
    fair = replace(transfer(chain, 6, "fair"), gas_max=100_000)
    enqueue(database, dear, fair)
    look(chain, database, account)

    assert stored(database, dear).status is TransactionStatus.FAILED
    assert "25000" in (stored(database, dear).failure or "")
    assert stored(database, fair).status is TransactionStatus.SIGNED


def test_those_that_cannot_be_told_hold_up_nobody(
    chain: Chain, database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate = Rpc.estimate_gas

    async def refuse(self: Rpc, sender: Address, receiver: Address | None, data: bytes, *more: Any) -> int:
        if data.startswith(calls.approve(SOMEBODY, 0)[:4]):
            raise RpcRefused("eth_estimateGas", -32000, "no words that anyone knows")
        return await estimate(self, sender, receiver, data, *more)

    monkeypatch.setattr(Rpc, "estimate_gas", refuse)
    soon = chain.anvil.time + 600
    poison = [
        Intent(f"poison:{n}", "approve", chain.token, calls.approve(SOMEBODY, n), deadline=soon)
        for n in range(SETTINGS.in_flight_max)
    ]
    enqueue(database, *poison, transfer(chain, 5))
    look(chain, database, account)

    assert stored(database, transfer(chain, 5)).status is TransactionStatus.SIGNED
    assert {stored(database, intent).status for intent in poison} == {TransactionStatus.QUEUED}


def test_waiting_returns_what_was_mined_and_raises_what_failed(ticking_chain: Chain, database: Database) -> None:
    account = ticking_chain.anvil.new_account()
    ticking_chain.mint(account.address)
    pair = make_pair(ticking_chain)

    async def work(sender: Sender) -> None:
        running = asyncio.create_task(sender.run())
        good = transfer(ticking_chain, 5)
        await database.run(lambda uow: sender.enqueue(uow, good))
        mined = await sender.wait(good.key, 10)
        assert mined.outcome is not None

        bad = Intent("settle", "settle", ticking_chain.contract, calls.settle(pair.channel))
        await database.run(lambda uow: sender.enqueue(uow, bad))
        with pytest.raises(TransactionFailed, match="ChannelNotClosing"):
            await sender.wait(bad.key, 10)
        with pytest.raises(TransactionFailed, match="no such intent"):
            await sender.wait("never enqueued", 1)
        running.cancel()

    with_sender(ticking_chain, database, account, work)


def test_waiting_ends_in_time(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)

    with pytest.raises(TransactionPending):
        with_sender(chain, database, account, lambda sender: sender.wait(intent.key, 0.01))


def test_what_is_enqueued_while_it_rests_is_sent_at_once(chain: Chain, database: Database, account: Account) -> None:
    settings = replace(SETTINGS, poll_seconds=60)

    async def work(sender: Sender) -> None:
        running = asyncio.create_task(sender.run())
        await asyncio.sleep(0.2)
        await database.run(lambda uow: sender.enqueue(uow, transfer(chain, 5)))
        for _ in range(100):
            if stored(database, transfer(chain, 5)).status is not TransactionStatus.QUEUED:
                break
            await asyncio.sleep(0.05)
        running.cancel()

    with_sender(chain, database, account, work, settings)
    assert stored(database, transfer(chain, 5)).status is TransactionStatus.SIGNED


class Killed(BaseException):
    """The process ends here."""


async def die(rpc: Rpc, raw: bytes) -> None:
    raise Killed

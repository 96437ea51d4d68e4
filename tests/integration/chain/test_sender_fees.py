"""What is offered as a deadline comes near, and that no budget is passed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from prometheus_client import CollectorRegistry

from penstock.chain.account import Account
from penstock.chain.metrics import SenderMetrics
from penstock.node.records import Intent, Priority, SignedTransaction, TransactionStatus, Wishes
from penstock.storage.database import Database
from tests.integration.chain.sending import SETTINGS, SOMEBODY, drop, enqueue, look, signed, stored, transfer, wish
from tests.support.anvil import Chain

ETHER = 10**18
GWEI = 10**9
BLOCK_SECONDS = 12
WINDOW = 40 * BLOCK_SECONDS


def tick(chain: Chain, blocks: int = 1) -> None:
    """Mine blocks as far apart as on mainnet, with nothing in them."""
    for _ in range(blocks):
        drop(chain)
        chain.anvil.rpc("evm_setNextBlockTimestamp", chain.anvil.time + BLOCK_SECONDS)
        chain.anvil.mine()


def urgent(chain: Chain, amount: int, budget: int = ETHER // 100) -> Intent:
    deadline = chain.anvil.time + WINDOW
    return transfer(chain, amount, deadline=deadline, budget=budget, priority=Priority.URGENT)


def test_the_fee_rises_to_the_whole_budget_two_blocks_before_the_deadline(
    chain: Chain, database: Database, account: Account
) -> None:
    tick(chain, 20)
    intent = urgent(chain, 5)
    enqueue(database, intent)
    offers = []
    while chain.anvil.time < (intent.deadline or 0) - 2 * BLOCK_SECONDS:
        look(chain, database, account)
        offers.append(signed(database, intent))
        tick(chain)

    assert intent.budget is not None
    limits = [offer.gas_limit * offer.max_fee_per_gas for offer in offers]
    whole = intent.budget // offers[-1].gas_limit
    assert limits == sorted(limits)
    assert limits[0] < intent.budget // 10
    assert max(limits) <= intent.budget
    assert offers[-1].max_fee_per_gas == offers[-1].max_priority_fee_per_gas == whole
    assert offers[-4].max_fee_per_gas < whole
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED
    outcome = stored(database, intent).outcome
    assert outcome is not None
    assert outcome.gas_used * outcome.gas_price <= intent.budget


def test_every_version_on_the_way_is_one_that_nodes_take(chain: Chain, database: Database, account: Account) -> None:
    tick(chain, 20)
    intent = urgent(chain, 5)
    enqueue(database, intent)
    versions: list[SignedTransaction] = []
    while chain.anvil.time < (intent.deadline or 0) - BLOCK_SECONDS:
        look(chain, database, account)
        if not versions or versions[-1].hash != signed(database, intent).hash:
            versions.append(signed(database, intent))
        tick(chain)

    assert len(versions) > 5
    for old, new in pairwise(versions):
        assert new.nonce == old.nonce
        assert 8 * new.max_fee_per_gas >= 9 * old.max_fee_per_gas
        assert 8 * new.max_priority_fee_per_gas >= 9 * old.max_priority_fee_per_gas


def test_a_base_fee_fifty_times_as_high_is_followed_at_once(chain: Chain, database: Database, account: Account) -> None:
    tick(chain, 20)
    intent = urgent(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    drop(chain)
    base_fee = 50 * GWEI
    chain.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    chain.anvil.mine()
    look(chain, database, account)

    assert signed(database, intent).max_fee_per_gas > base_fee
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED


def test_a_fee_over_budget_is_waited_out(chain: Chain, database: Database, account: Account) -> None:
    tick(chain, 20)
    intent = urgent(chain, 5, budget=60_000 * 100 * GWEI)
    enqueue(database, intent)
    for _ in range(10):
        chain.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(1000 * GWEI))
        tick(chain)
        look(chain, database, account)
        version = stored(database, intent).signed
        assert version is None or version.gas_limit * version.max_fee_per_gas <= 60_000 * 100 * GWEI
    chain.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    tick(chain)
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.MINED


def test_routine_in_front_of_something_urgent_is_as_urgent(chain: Chain, database: Database, account: Account) -> None:
    tick(chain, 20)
    routine = transfer(chain, 1, budget=70_000 * 2 * GWEI)
    enqueue(database, routine)
    look(chain, database, account)
    dear = urgent(chain, 2)
    enqueue(database, dear)
    look(chain, database, account)
    while chain.anvil.time < (dear.deadline or 0) - 2 * BLOCK_SECONDS:
        tick(chain)
        look(chain, database, account)

    assert signed(database, routine).nonce < signed(database, dear).nonce
    assert signed(database, routine).max_fee_per_gas > 2 * GWEI
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, dear).status is TransactionStatus.MINED


def test_one_whose_deadline_passes_in_flight_frees_its_nonce(
    chain: Chain, database: Database, account: Account
) -> None:
    tick(chain, 20)
    late, next_one = urgent(chain, 5), transfer(chain, 7)
    enqueue(database, late, next_one)
    look(chain, database, account)
    drop(chain)
    chain.anvil.increase_time(WINDOW)
    chain.anvil.mine()
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    ended = stored(database, late)
    assert ended.status is TransactionStatus.CANCELLED
    assert "deadline" in (ended.failure or "")
    assert ended.outcome is not None
    assert ended.outcome.gas_used == 21_000
    assert stored(database, next_one).status is TransactionStatus.CONFIRMED
    assert chain.balance(SOMEBODY) == 7


def test_a_wish_for_higher_fees_is_fulfilled_once(chain: Chain, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    first = signed(database, intent)
    wish(database, intent, Wishes(bump=True))
    look(chain, database, account, times=3)

    assert stored(database, intent).hashes == (first.hash, signed(database, intent).hash)
    assert 8 * signed(database, intent).max_fee_per_gas >= 9 * first.max_fee_per_gas
    chain.anvil.mine()
    look(chain, database, account)
    assert stored(database, intent).status is TransactionStatus.MINED


def test_what_is_cancelled_has_no_effect(chain: Chain, database: Database, account: Account) -> None:
    waiting, flying = transfer(chain, 5), transfer(chain, 7)
    enqueue(database, flying)
    look(chain, database, account)
    enqueue(database, waiting)
    for intent in (waiting, flying):
        wish(database, intent, Wishes(cancel="the operator said so"))
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, waiting).status is TransactionStatus.FAILED
    assert stored(database, flying).status is TransactionStatus.CANCELLED
    assert {stored(database, intent).failure for intent in (waiting, flying)} == {"the operator said so"}
    assert chain.balance(SOMEBODY) == 0


def test_the_metrics_tell_what_was_paid(chain: Chain, database: Database, account: Account) -> None:
    registry = CollectorRegistry()
    metrics = SenderMetrics(registry)
    intent = transfer(chain, 5, budget=ETHER, deadline=chain.anvil.time + 500)
    enqueue(database, intent)
    settings = replace(SETTINGS, replace_after_blocks=1)
    look(chain, database, account, settings=settings, metrics=metrics)
    assert registry.get_sample_value("penstock_intents", {"status": "signed"}) == 1
    assert 0 < (registry.get_sample_value("penstock_intents_deadline_seconds") or 0) <= 500
    drop(chain)
    chain.anvil.mine()
    look(chain, database, account, settings=settings, metrics=metrics)
    chain.anvil.mine()
    look(chain, database, account, times=2, settings=settings, metrics=metrics)

    outcome = stored(database, intent).outcome
    assert outcome is not None
    paid = outcome.gas_used * outcome.gas_price
    labels = {"purpose": "transfer"}
    assert registry.get_sample_value("penstock_fee_bumps_total", labels) == 1
    assert registry.get_sample_value("penstock_fees_paid_wei_total", labels) == paid
    assert registry.get_sample_value("penstock_inclusion_blocks_count") == 1
    assert registry.get_sample_value("penstock_fee_budget_used_percent_count") == 1
    assert (registry.get_sample_value("penstock_account_balance_wei", {"account": str(account.address)}) or 0) > 0

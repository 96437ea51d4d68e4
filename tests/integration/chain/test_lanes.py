"""Several accounts, several transactions each: no nonce is left out, and the urgent never wait for routine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.metrics import SenderMetrics
from penstock.chain.rpc import Receipt, Rpc
from penstock.node.records import Intent, Priority, TransactionStatus
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from tests.integration.chain.sending import (
    SETTINGS,
    SOMEBODY,
    drop,
    enqueue,
    look,
    nonce_of,
    signed,
    stored,
    transfer,
)
from tests.support.anvil import Chain


@pytest.fixture
def accounts(chain: Chain) -> list[Account]:
    """Three accounts with money on a chain that mines when it is told to."""
    accounts = [chain.anvil.new_account() for _ in range(3)]
    chain.mint(*(account.address for account in accounts))
    chain.anvil.automine(enabled=False)
    return accounts


def anybodys(chain: Chain, n: int, **terms: Any) -> Intent:
    """Return an intent that any account may send: an approval of its own tokens."""
    return Intent(f"approve:{n}", "approve", chain.token, calls.approve(SOMEBODY, n), **terms)


def test_work_is_spread_over_the_accounts(chain: Chain, database: Database, accounts: list[Account]) -> None:
    intents = [anybodys(chain, n) for n in range(9)]
    enqueue(database, *intents)
    look(chain, database, accounts)
    chain.anvil.mine()
    look(chain, database, accounts)

    assert [nonce_of(chain, account) for account in accounts] == [3, 3, 3]
    assert {stored(database, intent).status for intent in intents} == {TransactionStatus.MINED}


def test_an_account_that_ran_out_of_money_is_passed_over(
    chain: Chain, database: Database, accounts: list[Account]
) -> None:
    chain.anvil.rpc("anvil_setBalance", str(accounts[0].address), hex(1000))
    registry = CollectorRegistry()
    metrics = SenderMetrics(registry)
    intents = [anybodys(chain, n) for n in range(4)]
    enqueue(database, *intents)
    look(chain, database, accounts, times=2, metrics=metrics)
    chain.anvil.mine()
    look(chain, database, accounts, metrics=metrics)

    assert nonce_of(chain, accounts[0]) == 0
    assert {stored(database, intent).status for intent in intents} == {TransactionStatus.MINED}
    assert registry.get_sample_value("penstock_account_short", {"account": str(accounts[0].address)}) == 1
    assert registry.get_sample_value("penstock_account_short", {"account": str(accounts[1].address)}) == 0


def test_the_urgent_find_a_place_though_routine_takes_all_it_may(
    chain: Chain, database: Database, account: Account
) -> None:
    settings = replace(SETTINGS, in_flight_max=4, urgent_reserve=2)
    routine = [transfer(chain, n) for n in range(1, 6)]
    enqueue(database, *routine)
    look(chain, database, account, times=2, settings=settings)
    urgent = transfer(chain, 100, priority=Priority.URGENT)
    enqueue(database, urgent)
    look(chain, database, account, settings=settings)

    assert [stored(database, intent).status for intent in routine] == ["signed"] * 2 + ["queued"] * 3
    assert stored(database, urgent).status is TransactionStatus.SIGNED


def test_a_delegated_account_has_one_in_flight(chain: Chain, database: Database, account: Account) -> None:
    delegation = "0xef0100" + bytes(chain.token).hex()
    chain.anvil.rpc("anvil_setCode", str(account.address), delegation)
    intents = [transfer(chain, n) for n in range(1, 4)]
    enqueue(database, *intents)
    for expected in range(1, 4):
        look(chain, database, account, times=2)
        in_flight = database.read_sync(lambda uow: uow.transactions.in_flight(account.address))
        assert len(in_flight) == 1
        chain.anvil.mine()
        look(chain, database, account)
        assert nonce_of(chain, account) == expected

    assert chain.balance(SOMEBODY) == 6


def test_a_gap_that_a_foreign_transaction_left_is_filled(fresh_chain: Chain, database: Database) -> None:
    chain = fresh_chain
    account = chain.anvil.new_account()
    chain.mint(account.address, SOMEBODY, amount=1000)
    chain.anvil.mine(3)
    chain.send(account, chain.token, calls.transfer(SOMEBODY, 100))  # nonce 0, not ours
    chain.anvil.automine(enabled=False)
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    assert signed(database, intent).nonce == 1
    chain.anvil.reorg(1)
    drop(chain)
    assert nonce_of(chain, account) == 0

    look(chain, database, account, times=2)
    chain.anvil.mine()
    look(chain, database, account, times=2)

    assert stored(database, intent).status is TransactionStatus.MINED
    assert chain.balance(SOMEBODY) == 1005
    assert nonce_of(chain, account) == 2


def test_each_account_fills_its_own_gaps(fresh_chain: Chain, database: Database) -> None:
    chain = fresh_chain
    accounts = [chain.anvil.new_account() for _ in range(2)]
    chain.mint(*(account.address for account in accounts))
    chain.anvil.mine(3)
    for account in accounts:
        chain.send(account, chain.token, calls.approve(SOMEBODY, 7))  # not ours
    chain.anvil.automine(enabled=False)
    intents = [anybodys(chain, n) for n in range(6)]
    enqueue(database, *intents)
    look(chain, database, accounts)
    chain.anvil.reorg(2)
    drop(chain)

    look(chain, database, accounts, times=2)
    chain.anvil.mine()
    look(chain, database, accounts)

    assert {stored(database, intent).status for intent in intents} == {TransactionStatus.MINED}
    assert [nonce_of(chain, account) for account in accounts] == [4, 4]


def test_a_new_intent_fills_the_gap_instead(fresh_chain: Chain, database: Database) -> None:
    chain = fresh_chain
    account = chain.anvil.new_account()
    chain.mint(account.address, SOMEBODY, amount=1000)
    chain.anvil.mine(3)
    chain.send(account, chain.token, calls.transfer(SOMEBODY, 100))
    chain.anvil.automine(enabled=False)
    first, second = transfer(chain, 5), transfer(chain, 7)
    enqueue(database, first)
    look(chain, database, account)
    chain.anvil.reorg(1)
    drop(chain)
    enqueue(database, second)
    look(chain, database, account, times=2)
    chain.anvil.mine()
    look(chain, database, account)

    assert (signed(database, second).nonce, signed(database, first).nonce) == (0, 1)
    assert chain.balance(SOMEBODY) == 1012
    assert nonce_of(chain, account) == 2


def test_a_receipt_that_never_comes_is_no_reason_to_sign_anew(
    fresh_chain: Chain, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = fresh_chain
    account = chain.anvil.new_account()
    chain.mint(account.address)
    chain.anvil.automine(enabled=False)
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    chain.anvil.mine(10)

    async def no_receipt(rpc: Rpc, transaction_hash: Bytes32) -> Receipt | None:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(Rpc, "receipt", no_receipt)
        look(chain, database, account, times=3)
    assert stored(database, intent).status is TransactionStatus.SIGNED
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.MINED
    assert nonce_of(chain, account) == 1
    assert chain.balance(SOMEBODY) == 5


def test_depth_is_counted_by_purpose(chain: Chain, database: Database, account: Account) -> None:
    settings = replace(SETTINGS, confirmations=1, depths={"approve": 3, "final": "finalized"})
    quick, slow = transfer(chain, 1), anybodys(chain, 1)
    last = replace(anybodys(chain, 2), purpose="final")
    enqueue(database, quick, slow, last)
    look(chain, database, account, settings=settings)
    chain.anvil.mine()
    look(chain, database, account, times=2, settings=settings)
    assert [stored(database, each).status for each in (quick, slow, last)] == ["confirmed", "mined", "mined"]

    chain.anvil.mine(2)
    look(chain, database, account, settings=settings)
    assert [stored(database, each).status for each in (slow, last)] == ["confirmed", "mined"]

    chain.anvil.mine(64)  # Anvil's finalized block is two epochs behind its head
    look(chain, database, account, settings=settings)
    assert stored(database, last).status is TransactionStatus.CONFIRMED

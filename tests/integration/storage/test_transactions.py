"""Intents: one key, one effect; a nonce and the signed bytes in one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from penstock.node.records import (
    Intent,
    Outcome,
    Priority,
    SignedTransaction,
    Transaction,
    TransactionStatus,
    Wishes,
)
from penstock.storage.database import Database
from penstock.storage.errors import KeyReused, RecordConflict
from penstock.storage.repositories.transactions import Transactions
from tests.support.parties import PAYEE, PAYER, TOKEN, cause_id

SENDER = PAYER.address
AT = 1_700_000_000
CHANNEL = cause_id(77)


def intent(key: str = "close:1", deadline: int | None = None) -> Intent:
    return Intent(key, "close", TOKEN, b"\x01" * 500, CHANNEL, deadline)


def version(n: int, nonce: int = 5) -> SignedTransaction:
    return SignedTransaction(nonce, 90_000, 2**70 + n, 2**65 + n, b"\x02" * (100 + n), cause_id(n), 1000 + n)


def add(database: Database, wanted: Intent) -> Transaction:
    return database.run_sync(lambda uow: uow.transactions.add(wanted, 9))


def sign(database: Database, number: int, signed: SignedTransaction) -> None:
    database.run_sync(lambda uow: uow.transactions.sign(number, SENDER, signed, AT))


def change(database: Database, action: Callable[[Transactions], None]) -> Transaction:
    database.run_sync(lambda uow: action(uow.transactions))
    found = database.read_sync(lambda uow: uow.transactions.get(intent().key))
    assert found is not None
    return found


def test_an_intent_is_stored_once(database: Database) -> None:
    first = add(database, intent())
    again = add(database, intent())

    assert first == again
    assert first.intent == intent()
    assert (first.status, first.hash, first.signed, first.outcome) == (TransactionStatus.QUEUED, None, None, None)
    assert database.read_sync(lambda uow: uow.transactions.recent(10)) == [first]


@pytest.mark.parametrize(
    "other", [replace(intent(), data=b""), replace(intent(), deadline=1), replace(intent(), receiver=PAYEE.address)]
)
def test_a_key_means_one_intent(database: Database, other: Intent) -> None:
    add(database, intent())

    with pytest.raises(KeyReused):
        add(database, other)


def test_what_it_may_cost_is_no_part_of_what_a_key_means(database: Database) -> None:
    first = add(database, intent())

    assert add(database, replace(intent(), budget=10**30, priority=Priority.URGENT)) == first


def test_a_life_from_queue_to_confirmation(database: Database) -> None:
    number = add(database, intent()).id

    signed = change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    assert (signed.status, signed.signed, signed.hashes) == (TransactionStatus.SIGNED, version(1), (cause_id(1),))

    replaced = change(database, lambda t: t.sign(number, SENDER, version(2), AT))
    assert (replaced.signed, replaced.hashes, replaced.hash) == (version(2), (cause_id(1), cause_id(2)), cause_id(2))

    outcome = Outcome(cause_id(1), 50, 80_000, 2**66)
    mined = change(database, lambda t: t.mine(number, outcome))
    assert (mined.status, mined.outcome, mined.hash, mined.final) == (
        TransactionStatus.MINED,
        outcome,
        cause_id(1),
        False,
    )

    vanished = change(database, lambda t: t.back_in_flight(number))
    assert vanished == replaced

    change(database, lambda t: t.mine(number, outcome))
    done = change(database, lambda t: t.finish(number))
    assert (done.status, done.failure, done.final) == (TransactionStatus.CONFIRMED, None, True)


def test_a_revert_is_final_only_when_deep_enough(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    reverted = Outcome(cause_id(1), 50, 80_000, 1, "DeadlinePassed" * 100)

    mined = change(database, lambda t: t.mine(number, reverted))
    done = change(database, lambda t: t.finish(number))

    assert mined.status is TransactionStatus.MINED
    assert done.status is TransactionStatus.REVERTED
    assert done.failure == reverted.failure[:400]  # type: ignore[index]


def test_a_queued_intent_can_fail(database: Database) -> None:
    number = add(database, intent()).id

    failed = change(database, lambda t: t.fail(number, "it would revert"))

    assert (failed.status, failed.failure, failed.final) == (TransactionStatus.FAILED, "it would revert", True)


def test_a_nonce_lost_to_a_foreign_transaction_is_given_up(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))

    queued = change(database, lambda t: t.requeue(number))
    assert (queued.status, queued.signed, queued.hashes) == (TransactionStatus.QUEUED, None, (cause_id(1),))

    signed = change(database, lambda t: t.sign(number, SENDER, version(2, nonce=6), AT))
    assert signed.signed == version(2, nonce=6)


def test_steps_that_do_not_follow_are_refused(database: Database) -> None:
    number = add(database, intent()).id
    for step in (
        lambda t: t.finish(number),
        lambda t: t.back_in_flight(number),
        lambda t: t.requeue(number),
        lambda t: t.mine(number, Outcome(cause_id(1), 1, 1, 1)),
    ):
        with pytest.raises(RecordConflict):
            change(database, step)

    change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    with pytest.raises(RecordConflict):
        change(database, lambda t: t.sign(number, PAYEE.address, version(2), AT))
    with pytest.raises(RecordConflict):
        change(database, lambda t: t.sign(number, SENDER, version(2, nonce=6), AT))


def test_a_nonce_is_given_once(database: Database) -> None:
    first, second = add(database, intent()).id, add(database, intent("close:2")).id
    change(database, lambda t: t.sign(first, SENDER, version(1), AT))

    with pytest.raises(IntegrityError):
        change(database, lambda t: t.sign(second, SENDER, version(2), AT))


def test_nonces_that_are_taken_are_known(database: Database) -> None:
    for n, nonce in enumerate((9, 10, 12)):
        sign(database, add(database, intent(f"close:{n}")).id, version(n, nonce))

    assert database.read_sync(lambda uow: uow.transactions.nonces(SENDER, 10)) == [10, 12]
    assert database.read_sync(lambda uow: uow.transactions.nonces(PAYEE.address, 0)) == []


def test_one_that_is_cancelled_ends_when_its_empty_version_is_deep(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    wished = change(database, lambda t: t.wish(number, Wishes(cancel="nobody needs it")))
    change(database, lambda t: t.wish(number, Wishes(cancel="another reason")))
    emptied = change(database, lambda t: t.sign(number, SENDER, replace(version(2), empty=True), AT + 1))
    change(database, lambda t: t.mine(number, Outcome(cause_id(2), 50, 21_000, 1, "nobody needs it")))

    done = change(database, lambda t: t.finish(number))

    assert wished.wishes == emptied.wishes == Wishes(cancel="nobody needs it")
    assert emptied.signed == replace(version(2), empty=True)
    assert (emptied.empty_hashes, emptied.started_at) == ((cause_id(2),), AT)
    assert (done.status, done.failure, done.final) == (TransactionStatus.CANCELLED, "nobody needs it", True)


def test_one_that_is_cancelled_may_land_all_the_same(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    change(database, lambda t: t.wish(number, Wishes(cancel="nobody needs it")))
    change(database, lambda t: t.sign(number, SENDER, replace(version(2), empty=True), AT))
    change(database, lambda t: t.mine(number, Outcome(cause_id(1), 50, 80_000, 1)))

    assert change(database, lambda t: t.finish(number)).status is TransactionStatus.CONFIRMED


def test_a_wish_for_higher_fees_ends_with_the_next_version(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))

    assert change(database, lambda t: t.wish(number, Wishes(bump=True))).wishes == Wishes(bump=True)
    assert change(database, lambda t: t.sign(number, SENDER, version(2), AT)).wishes == Wishes()


def test_what_is_in_a_block_takes_no_wishes(database: Database) -> None:
    number = add(database, intent()).id
    change(database, lambda t: t.sign(number, SENDER, version(1), AT))
    change(database, lambda t: t.mine(number, Outcome(cause_id(1), 50, 80_000, 1)))

    with pytest.raises(RecordConflict):
        change(database, lambda t: t.wish(number, Wishes(bump=True)))


def test_each_list_has_its_order(database: Database) -> None:
    for key, deadline in (("a", None), ("b", 200), ("c", 100), ("d", None)):
        add(database, intent(key, deadline))
    add(database, replace(intent("e"), priority=Priority.URGENT))

    queued = database.read_sync(lambda uow: uow.transactions.queued())
    assert [t.intent.key for t in queued] == ["e", "c", "b", "a", "d"]
    queued = queued[1:]

    for n, transaction in enumerate(queued[:3]):
        sign(database, transaction.id, version(n, 20 - n))
    in_flight = database.read_sync(lambda uow: uow.transactions.in_flight(SENDER))
    assert [t.intent.key for t in in_flight] == ["a", "b", "c"]

    database.run_sync(lambda uow: uow.transactions.mine(in_flight[1].id, Outcome(cause_id(1), 1, 1, 1)))
    assert [t.intent.key for t in database.read_sync(lambda uow: uow.transactions.mined(SENDER))] == ["b"]
    assert [t.intent.key for t in database.read_sync(lambda uow: uow.transactions.by_channel(CHANNEL))] == list("abcde")
    assert [t.intent.key for t in database.read_sync(lambda uow: uow.transactions.recent(2))] == ["e", "d"]

    database.run_sync(lambda uow: uow.transactions.finish(in_flight[1].id))
    assert [t.intent.key for t in database.read_sync(lambda uow: uow.transactions.unfinished())] == list("acde")

"""Locks are added, released and cancelled by causes; what costs the payee needs its word or a proof."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from penstock.protocol.causes import (
    AddLock,
    CancelLock,
    Cause,
    Pay,
    Refund,
    ReleaseLock,
    apply_causes,
    only_transfers,
)
from penstock.protocol.errors import (
    BalanceExceeded,
    CancelTooEarly,
    CauseAltered,
    CauseNotIssued,
    CauseRepeated,
    CloseUnsettledWork,
    LocksMismatch,
    LocksNotTaken,
    OutcomeUnknown,
    ReleaseUnproven,
    StateMismatch,
    UnknownLock,
    WithdrawalUncovered,
)
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.locks import NO_LOCKS, Lock, LockSet, Outcome
from penstock.protocol.messages import Close, SignedState, State, Withdrawal
from penstock.protocol.outcomes import Outcomes, check_harmless
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import CauseRecords, accept, complete, propose
from tests.support.parties import DOMAIN, PAYEE, PAYER, cause_id, make_lock, make_position, make_proposal

PREIMAGE = cause_id(77)
EXPIRY = make_lock(0).expiry
OURS = make_lock(0, amount=100)
"""Sent by the payer, in the payee's favour."""
THEIRS = make_lock(0, amount=100, from_payer=False)
"""Sent by the payee."""


def holding(*locks: Lock) -> Position:
    """Return the position in which both have signed a state with these locks."""
    position = make_position(payer_deposit=1000, payee_deposit=500)
    held = LockSet(locks)
    state = State(position.channel_id, 5, 0, held.payer_locked, held.payee_locked, held.root)
    newest = SignedState(state, PAYER.sign(state), PAYEE.sign(state), held)
    return replace(position, newest=newest, highest_seen=5)


def taken(
    position: Position, *causes: Cause, issued: tuple[Cause, ...] = (), known: Outcomes | None = None
) -> Position:
    """Return the payee's position after it accepted the causes."""
    records = CauseRecords(frozenset(), {cause.cause_id: cause for cause in issued}, known or Outcomes())
    return accept(position, make_proposal(position, *causes), records, DOMAIN)


def decided(lock: Lock, share_bps: int, at: int, now: int) -> Outcomes:
    return Outcomes({(lock.condition, lock.key): Outcome(share_bps, at)}, confirmed_time=now)


def undecided(lock: Lock, now: int) -> Outcomes:
    return Outcomes({(lock.condition, lock.key): None}, confirmed_time=now)


def test_a_lock_of_the_payers_money_is_set_aside() -> None:
    after = taken(holding(), AddLock(OURS))

    assert after.locks.locks == (OURS,)
    assert after.base.payer_locked == 100
    assert after.base.locks_root == after.locks.root
    assert after.funds.payer_free(after.base) == 900
    assert after.funds.payee_free(after.base) == 500


def test_a_lock_of_the_payees_money_needs_the_payees_word() -> None:
    with pytest.raises(CauseNotIssued):
        taken(holding(), AddLock(THEIRS))

    assert taken(holding(), AddLock(THEIRS), issued=(AddLock(THEIRS),)).base.payee_locked == 100


def test_a_lock_that_is_not_as_issued_is_refused() -> None:
    with pytest.raises(CauseAltered):
        taken(holding(), AddLock(replace(THEIRS, amount=101)), issued=(AddLock(THEIRS),))


def test_nobody_locks_more_than_its_free_balance() -> None:
    with pytest.raises(BalanceExceeded):
        taken(holding(), AddLock(replace(OURS, amount=1001)))


def test_an_id_that_was_used_is_used_up() -> None:
    position = holding()
    records = CauseRecords(frozenset({OURS.lock_id}), {})

    with pytest.raises(CauseRepeated):
        accept(position, make_proposal(position, AddLock(OURS)), records, DOMAIN)


def test_the_payer_may_give_a_lock_away_in_full_at_any_time() -> None:
    after = taken(holding(OURS), ReleaseLock(cause_id(9), OURS.lock_id, 10_000))

    assert (after.base.paid, after.base.payer_locked, len(after.locks)) == (100, 0, 0)


@pytest.mark.parametrize("share_bps", [0, 9999])
def test_the_payer_gives_less_only_with_a_recorded_outcome(share_bps: int) -> None:
    release = ReleaseLock(cause_id(9), OURS.lock_id, share_bps)
    with pytest.raises(ReleaseUnproven):
        taken(holding(OURS), release)

    after = taken(holding(OURS), release, known=decided(OURS, share_bps, at=EXPIRY, now=EXPIRY))
    assert after.base.paid == 100 * share_bps // 10_000


def test_a_release_that_the_payee_issued_needs_no_proof() -> None:
    release = ReleaseLock(cause_id(9), THEIRS.lock_id, 10_000)

    assert taken(holding(THEIRS), release, issued=(release,)).base.paid == -100


@pytest.mark.parametrize(
    "known",
    [
        decided(THEIRS, 9999, at=5, now=6),
        decided(THEIRS, 10_000, at=EXPIRY + 1, now=EXPIRY + 2),
        decided(THEIRS, 10_000, at=7, now=6),
        decided(replace(THEIRS, key=cause_id(1)), 10_000, at=5, now=6),
        Outcomes(),
    ],
    ids=["another share", "too late", "not confirmed yet", "another key", "nothing"],
)
def test_the_payees_money_is_released_on_its_very_outcome_only(known: Outcomes) -> None:
    with pytest.raises(ReleaseUnproven):
        taken(holding(THEIRS), ReleaseLock(cause_id(9), THEIRS.lock_id, 10_000), known=known)


def hash_lock(now: int, margin: int = 10) -> tuple[Lock, Outcomes]:
    lock = replace(THEIRS, key=Bytes32(sha256(PREIMAGE).digest()))
    return lock, Outcomes(latest_time=now, hash_locks=frozenset({lock.condition}), margin_seconds=margin)


def test_a_preimage_releases_until_the_margin_before_the_expiry() -> None:
    lock, early = hash_lock(EXPIRY - 11)
    release = ReleaseLock(cause_id(9), lock.lock_id, 10_000, PREIMAGE)

    assert taken(holding(lock), release, known=early).base.paid == -100
    with pytest.raises(ReleaseUnproven):
        taken(holding(lock), release, known=hash_lock(EXPIRY - 10)[1])


def test_a_preimage_is_judged_by_the_latest_time_and_not_by_the_confirmed_one() -> None:
    lock, known = hash_lock(EXPIRY - 10)
    release = ReleaseLock(cause_id(9), lock.lock_id, 10_000, PREIMAGE)

    for late in (replace(known, confirmed_time=5), replace(Outcomes(), hash_locks=known.hash_locks)):
        with pytest.raises(ReleaseUnproven):
            taken(holding(lock), release, known=late)


def test_a_preimage_that_was_recorded_too_late_releases_nothing() -> None:
    lock, known = hash_lock(5)
    release = ReleaseLock(cause_id(9), lock.lock_id, 10_000, PREIMAGE)
    recorded = {(lock.condition, lock.key): Outcome(10_000, EXPIRY + 1)}

    with pytest.raises(ReleaseUnproven):
        taken(holding(lock), release, known=replace(known, recorded=recorded))


def test_a_preimage_proves_nothing_else() -> None:
    lock, known = hash_lock(5)

    for wrong in (
        ReleaseLock(cause_id(9), lock.lock_id, 10_000, cause_id(78)),
        ReleaseLock(cause_id(9), lock.lock_id, 9999, PREIMAGE),
    ):
        with pytest.raises(ReleaseUnproven):
            taken(holding(lock), wrong, known=known)
    with pytest.raises(ReleaseUnproven):
        taken(
            holding(lock),
            ReleaseLock(cause_id(9), lock.lock_id, 10_000, PREIMAGE),
            known=replace(known, hash_locks=frozenset()),
        )


def test_the_receiver_may_cancel_at_any_time() -> None:
    by_payer = taken(holding(THEIRS), CancelLock(cause_id(9), THEIRS.lock_id))
    assert (by_payer.base.paid, by_payer.base.payee_locked) == (0, 0)

    cancel = CancelLock(cause_id(9), OURS.lock_id)
    by_payee = taken(holding(OURS), cancel, issued=(cancel,))
    assert by_payee.base.payer_locked == 0


def test_the_sender_cancels_only_what_has_expired_undecided() -> None:
    cancel = CancelLock(cause_id(9), OURS.lock_id)

    for known in (
        undecided(OURS, EXPIRY),
        decided(OURS, 5000, at=EXPIRY, now=EXPIRY + 1),
    ):
        with pytest.raises(CancelTooEarly):
            taken(holding(OURS), cancel, known=known)
    with pytest.raises(OutcomeUnknown):
        taken(holding(OURS), cancel, known=Outcomes(confirmed_time=EXPIRY + 1))
    assert taken(holding(OURS), cancel, known=undecided(OURS, EXPIRY + 1)).base.payer_locked == 0
    late = decided(OURS, 10_000, at=EXPIRY + 1, now=EXPIRY + 2)
    assert taken(holding(OURS), cancel, known=late).base.payer_locked == 0


@pytest.mark.parametrize(
    "cause", [ReleaseLock(cause_id(9), cause_id(50), 10_000), CancelLock(cause_id(9), cause_id(50))]
)
def test_a_lock_that_is_not_pending_is_named(cause: Cause) -> None:
    with pytest.raises(UnknownLock):
        taken(holding(OURS), cause)


def test_a_lock_resolves_once_in_a_proposal() -> None:
    twice = [ReleaseLock(cause_id(n), OURS.lock_id, 10_000) for n in (8, 9)]

    with pytest.raises(UnknownLock):
        apply_causes(holding(OURS).base, 6, twice, holding(OURS).locks)


def test_the_payer_ends_where_the_payee_does() -> None:
    position = holding(OURS)
    pay, add = Pay(cause_id(3), 7), AddLock(make_lock(1, amount=50))
    payer, proposal = propose(position, [pay, add], DOMAIN)
    payee = taken(position, pay, add)
    state = proposal.state
    answer = SignedState(state, PAYER.sign(state), PAYEE.sign(state), payee.locks)

    completed = complete(payer, answer, DOMAIN)

    assert completed.locks == payee.locks
    assert completed.base == payee.base


def test_a_state_without_its_locks_is_not_taken() -> None:
    position = holding(OURS)
    state = replace(position.base, sequence=6)

    with pytest.raises(LocksMismatch):
        complete(position, SignedState(state, PAYER.sign(state), PAYEE.sign(state), NO_LOCKS), DOMAIN)


@pytest.mark.parametrize("sums", [{"payer_locked": 99}, {"payee_locked": 1}])
def test_a_state_that_locks_something_else_than_its_locks_is_not_taken(sums: dict[str, int]) -> None:
    position = holding(OURS)
    state = replace(position.base, sequence=6, **sums)  # type: ignore[arg-type]

    with pytest.raises(StateMismatch):
        complete(position, SignedState(state, PAYER.sign(state), PAYEE.sign(state), position.locks), DOMAIN)


def test_records_that_lost_a_lock_sign_nothing() -> None:
    position = holding(OURS)
    assert position.newest is not None
    lost = replace(position, newest=replace(position.newest, locks=NO_LOCKS))
    pay = Pay(cause_id(3), 7)

    with pytest.raises(LocksMismatch):
        propose(lost, [pay], DOMAIN)
    with pytest.raises(LocksMismatch):
        accept(lost, make_proposal(position, pay), CauseRecords(frozenset(), {}), DOMAIN)


def test_the_index_of_an_issued_lock_is_the_payers_to_give() -> None:
    issued = AddLock(THEIRS)
    moved = AddLock(replace(THEIRS, index=1))
    position = holding(replace(OURS, lock_id=cause_id(60)))

    assert taken(position, moved, issued=(issued,)).locks.get(THEIRS.lock_id).index == 1
    with pytest.raises(CauseAltered):
        taken(position, AddLock(replace(moved.lock, expiry=EXPIRY - 1)), issued=(issued,))


@pytest.mark.parametrize(
    "resolve", [ReleaseLock(cause_id(9), OURS.lock_id, 10_000), CancelLock(cause_id(9), OURS.lock_id)]
)
def test_no_lock_comes_and_goes_in_one_proposal(resolve: Cause) -> None:
    both = [AddLock(OURS), resolve]

    with pytest.raises(UnknownLock):
        propose(holding(), both, DOMAIN)
    with pytest.raises(UnknownLock):
        taken(holding(), *both, issued=(resolve,))


def test_the_payer_does_nothing_for_the_payee_that_costs_it_without_proof() -> None:
    locks = LockSet((OURS, replace(THEIRS, index=1, lock_id=cause_id(60))))
    theirs = locks.locks[1]
    expired = undecided(theirs, EXPIRY + 1)

    def asked(cause: Cause, known: Outcomes | None = None) -> None:
        check_harmless(cause, locks, known or Outcomes(), payer=True)

    for harmless in (
        Refund(cause_id(1), 5),
        AddLock(replace(THEIRS, lock_id=cause_id(61))),
        CancelLock(cause_id(1), OURS.lock_id),
        ReleaseLock(cause_id(1), theirs.lock_id, 10_000),
    ):
        asked(harmless)
    for costly in (Pay(cause_id(1), 5), AddLock(replace(OURS, lock_id=cause_id(61)))):
        with pytest.raises(CauseNotIssued) as refused:
            asked(costly)
        assert refused.value.party == "payer"
    for lock, share_bps in ((OURS, 10_000), (theirs, 9999)):
        release = ReleaseLock(cause_id(1), lock.lock_id, share_bps)
        with pytest.raises(ReleaseUnproven):
            asked(release)
        asked(release, decided(lock, share_bps, at=EXPIRY, now=EXPIRY))
    with pytest.raises(CancelTooEarly):
        asked(CancelLock(cause_id(1), theirs.lock_id))
    asked(CancelLock(cause_id(1), theirs.lock_id), expired)


def test_no_close_is_agreed_while_something_is_locked() -> None:
    position = holding(OURS)

    with pytest.raises(CloseUnsettledWork):
        check_close(position, Close(position.channel_id, 0))


def test_what_is_locked_is_not_withdrawn() -> None:
    position = holding(OURS)

    check_withdrawal(position, Withdrawal(position.channel_id, 900, 0, 10), 0, 20)
    with pytest.raises(WithdrawalUncovered):
        check_withdrawal(position, Withdrawal(position.channel_id, 901, 0, 10), 0, 20)


@pytest.mark.parametrize(
    "cause", [AddLock(OURS), ReleaseLock(cause_id(9), OURS.lock_id, 1), CancelLock(cause_id(9), OURS.lock_id)]
)
def test_software_that_takes_no_locks_says_so(cause: Cause) -> None:
    with pytest.raises(LocksNotTaken) as refused:
        only_transfers([Pay(cause_id(1), 1), cause])
    assert refused.value.lock_id == OURS.lock_id

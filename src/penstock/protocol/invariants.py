"""The numbered invariants of docs/protocol.md, section 5, as functions over plain values.

Each returns None or raises `InvariantBroken`. Tests call them after every step; the demo and the node call
those that need no more than they hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from penstock.protocol.errors import PenstockError
from penstock.protocol.locks import Lock, Outcome, Parts
from penstock.protocol.messages import SignedState, State
from penstock.protocol.onchain import Closing, Ended, OnChain, Unopened
from penstock.protocol.position import Funds
from penstock.protocol.primitives import Bytes32
from penstock.protocol.settlement import Payout


@dataclass(eq=False)
class InvariantBroken(PenstockError):
    """Money or order was lost: stop and look."""

    invariant: str
    detail: str
    message = "{invariant} is broken: {detail}"
    remedy = "Stop the process, keep its files, and compare them with the chain."


def _hold(invariant: str, holds: bool, detail: str) -> None:  # noqa: FBT001 (the condition is the point)
    if not holds:
        raise InvariantBroken(invariant, detail)


def conservation(contract_balance: int, channels: Iterable[OnChain], claims: int) -> None:
    """INV-1: the contract holds what unsettled channels, pools and claims add up to, or more (one token)."""
    owed = claims
    for channel in channels:
        owed += (
            channel.phase.payer_pool + channel.phase.payee_pool if isinstance(channel.phase, Ended) else channel.held
        )
    _hold("INV-1", contract_balance >= owed, f"the contract holds {contract_balance}, it owes {owed}")


def totals_only_grow(before: OnChain, after: OnChain) -> None:
    """INV-2: deposits, withdrawals, collections and a disputed sequence never fall."""
    for name in ("payer_deposit", "payee_deposit", "payer_withdrawn", "payee_withdrawn"):
        was, now = getattr(before, name), getattr(after, name)
        _hold("INV-2", now >= was, f"{name} fell from {was} to {now}")
    if isinstance(before.phase, Closing) and isinstance(after.phase, Closing):
        was, now = before.phase.state.sequence, after.phase.state.sequence
        _hold("INV-2", now >= was, f"the disputed sequence fell from {was} to {now}")


def pays_what_came_in(onchain: OnChain, payout: Payout) -> None:
    """INV-3: a settlement divides exactly what the contract held, and no part is negative."""
    parts = (payout.payer_paid, payout.payee_paid, payout.payer_pool, payout.payee_pool)
    _hold("INV-3", min(parts) >= 0, f"a negative part in {parts}")
    _hold("INV-3", sum(parts) == onchain.held, f"{parts} sum to {sum(parts)}, the channel held {onchain.held}")


def newest_decides(submitted: Iterable[State], disputed: State) -> None:
    """INV-4, first half: of the states submitted in time the one with the highest sequence is disputed."""
    highest = max((state.sequence for state in submitted), default=0)
    _hold("INV-4", disputed.sequence >= highest, f"{disputed.sequence} decides, {highest} was submitted in time")


def deadline_never_moves(before: OnChain, after: OnChain) -> None:
    """INV-4, second half: the deadline, once set, stays."""
    if isinstance(before.phase, Closing) and isinstance(after.phase, Closing):
        was, now = before.phase.deadline, after.phase.deadline
        _hold("INV-4", was == now, f"the deadline moved from {was} to {now}")


def honest_party_is_whole(newest: State, funds: Funds, payout: Payout) -> None:
    """INV-5: each party gets at least its free balance in the newest co-signed state."""
    for party, got, free in (
        ("payer", payout.payer_paid, funds.payer_free(newest)),
        ("payee", payout.payee_paid, funds.payee_free(newest)),
    ):
        _hold("INV-5", got >= free, f"the {party} got {got}, its free balance was {free}")


def settled_stays_settled(before: OnChain, after: OnChain) -> None:
    """INV-7: nothing follows the end but locks that are resolved out of the pools."""
    if not isinstance(before.phase, Ended):
        return
    was, now = before.phase, after.phase
    _hold("INV-7", isinstance(now, Ended), f"{was} became {now}")
    assert isinstance(now, Ended)
    shrunk = now.payer_pool <= was.payer_pool and now.payee_pool <= was.payee_pool
    _hold("INV-7", shrunk, f"a pool grew: {was} became {now}")
    same = replace(before, phase=replace(was, payer_pool=now.payer_pool, payee_pool=now.payee_pool))
    _hold("INV-7", same == after, f"{before} became {after}")


def phases_never_go_back(before: OnChain, after: OnChain) -> None:
    """Docs/protocol.md, section 2: none, Open, Closing, Settled, in this order only."""
    order = {"none": 0, "open": 1, "closing": 2, "settled": 3}
    was, now = order[before.phase.name], order[after.phase.name]
    _hold("INV-7", now >= was, f"{before.phase.name} was followed by {after.phase.name}")


def nobody_waits_for_another(party: str, owed: int, got: int) -> None:
    """INV-8: a party that can receive gets what it is owed in the same transaction, whatever becomes of the other's."""
    _hold("INV-8", got == owed, f"the {party} got {got} of {owed}")


def lock_goes_where_it_must(lock: Lock, pool: int, outcome: Outcome | None, now: int, parts: Parts) -> None:
    """INV-9: a lock goes by its outcome if that was decided in time, else, past its expiry, back to its sender."""
    taken = min(lock.amount, pool)
    sender, receiver = (parts.payer, parts.payee) if lock.from_payer else (parts.payee, parts.payer)
    _hold("INV-9", sender + receiver == taken, f"{sender} and {receiver} of {taken} that were locked")
    in_time = outcome is not None and 0 < outcome.decided_at <= min(now, lock.expiry)
    _hold("INV-9", in_time or now > lock.expiry, f"resolved at {now}, undecided until {lock.expiry}")
    share = outcome.share_bps if in_time and outcome is not None else 0
    _hold("INV-9", receiver == taken * share // 10_000, f"the receiver got {receiver} of {taken} at {share}")


def locks_resolve_once(resolved: Iterable[Lock]) -> None:
    """INV-9: no lock is resolved twice (one channel's resolutions)."""
    ids = [lock.lock_id for lock in resolved]
    _hold("INV-9", len(ids) == len(set(ids)), f"a lock was resolved twice: {ids}")


def collected_at_most_deposited(onchain: OnChain) -> None:
    """INV-10: vouchers never take more than the payer deposited (one-way channels)."""
    taken, deposited = onchain.payee_withdrawn, onchain.payer_deposit
    _hold("INV-10", taken <= deposited, f"{taken} collected of {deposited}")


def balances_equal_chain(onchain: OnChain, newest: State) -> None:
    """INV-11: what the parties own off chain is what the contract holds for them."""
    if isinstance(onchain.phase, (Ended, Unopened)):
        return
    funds = Funds(onchain.payer_deposit, onchain.payee_deposit, onchain.payer_withdrawn, onchain.payee_withdrawn)
    owned = funds.payer_free(newest) + funds.payee_free(newest) + newest.payer_locked + newest.payee_locked
    _hold("INV-11", owned == onchain.held, f"the parties own {owned}, the contract holds {onchain.held}")


def one_state_per_sequence(signed: Iterable[SignedState | State]) -> None:
    """INV-12: no key signs two different states with one sequence (one channel's states)."""
    seen: dict[tuple[Bytes32, int], State] = {}
    for item in signed:
        state = item.state if isinstance(item, SignedState) else item
        first = seen.setdefault((state.channel_id, state.sequence), state)
        _hold("INV-12", first == state, f"two states with sequence {state.sequence}: {first} and {state}")

"""Locks, outcomes, and a token that bars receivers: what random histories do besides paying.

A mixin for the machine in test_channel_machine.py. Conditions decide whenever they like; the parties add, release and
cancel locks, honestly and not; what is still locked at the settlement is unlocked by anybody, in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from penstock.protocol import invariants
from penstock.protocol.causes import AddLock, CancelLock, Cause, Pay, ReleaseLock
from penstock.protocol.locks import BPS, NO_LOCKS, Lock, LockSet, Outcome, Parts, resolve
from penstock.protocol.onchain import Ended, Event, OnChain, Unlocked
from penstock.protocol.outcomes import Outcomes
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from tests.support.parties import CONDITION

HASH_LOCK = Address(b"\xaa" * 20)
MARGIN = 5
PARTIES = ("payer", "payee")
percents = st.integers(1, 110)
lifetimes = st.integers(-5, 150)


@dataclass
class Vault:
    """The token and the contract's payouts: pushed, or credited as a claim where the receiver is barred (INV-8)."""

    balance: int = 0
    paid_in: int = 0
    got: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTIES, 0))
    claims: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTIES, 0))
    barred: set[str] = field(default_factory=set)

    def take(self, amount: int) -> None:
        """Receive a deposit."""
        self.balance += amount
        self.paid_in += amount

    def pay(self, payer: int, payee: int) -> None:
        """Pay both sides at once."""
        owed = dict(zip(PARTIES, (payer, payee), strict=True))
        before = dict(self.got)
        for party, amount in owed.items():
            if party in self.barred:
                self.claims[party] += amount
            else:
                self.got[party] += amount
                self.balance -= amount
        for party in PARTIES:
            if party not in self.barred:
                invariants.nobody_waits_for_another(party, owed[party], self.got[party] - before[party])

    def claim(self, party: str) -> None:
        """Take a claim to another account, which nobody has barred."""
        self.got[party] += self.claims[party]
        self.balance -= self.claims[party]
        self.claims[party] = 0

    def owned(self, party: str) -> int:
        """Return what a party got or can claim."""
        return self.got[party] + self.claims[party]


class LockRules:
    """Rules about locks and receivers; the machine that mixes them in has the channel and its parties."""

    # The machine's own.
    payer: Position
    payee: Position
    now: int
    in_flight: object
    issued: dict[Bytes32, Cause]
    new_cause: Callable[[], Bytes32]
    try_propose: Callable[..., None]
    emit: Callable[[Event], None]

    def __init__(self) -> None:
        super().__init__()
        self.vault = Vault()
        self.decided: dict[tuple[Address, Bytes32], Outcome] = {}
        self.confirmed_decided: dict[tuple[Address, Bytes32], Outcome] = {}
        self.confirmed_time = 0
        self.preimages: dict[Bytes32, Bytes32] = {}
        self.settled_locks = NO_LOCKS
        self.resolved: list[tuple[Lock, Parts]] = []

    @property
    def head(self) -> OnChain:
        """Return what the chain's newest block says."""
        raise NotImplementedError

    def known(self) -> Outcomes:
        """Return what a party knows: the answers in the newest confirmed block, which lags behind the clock."""
        asked = {(lock.condition, lock.key) for lock in self.payee.locks}
        recorded = {question: self.confirmed_decided.get(question) for question in asked}
        return Outcomes(recorded, self.confirmed_time, self.now, frozenset({HASH_LOCK}), MARGIN)

    def confirm_outcomes(self) -> None:
        """Let the newest block be a confirmed one."""
        self.confirmed_decided = dict(self.decided)
        self.confirmed_time = self.now

    def make_lock(self, amount: int, lifetime: int, *, from_payer: bool, by_hash: bool) -> Lock:
        lock_id = self.new_cause()
        preimage = Bytes32(sha256(lock_id).digest())
        key = Bytes32(sha256(preimage).digest())
        self.preimages[key] = preimage
        index = self.payer.locks.lowest_free
        condition = HASH_LOCK if by_hash else CONDITION
        return Lock(lock_id, index, amount, from_payer, max(0, self.now + lifetime), condition, key)

    # Off chain -------------------------------------------------------------------------------------------------

    @rule(percent=percents, lifetime=lifetimes, by_hash=st.booleans())
    @precondition(lambda self: self.in_flight is None)
    def payer_locks_money(self, percent: int, lifetime: int, by_hash: bool) -> None:  # noqa: FBT001
        amount = max(1, self.payer.payer_spendable * percent // 100)
        self.try_propose(AddLock(self.make_lock(amount, lifetime, from_payer=True, by_hash=by_hash)))

    @rule(percent=percents, lifetime=lifetimes, by_hash=st.booleans(), issued=st.booleans())
    @precondition(lambda self: self.in_flight is None)
    def payee_locks_money(self, percent: int, lifetime: int, by_hash: bool, issued: bool) -> None:  # noqa: FBT001
        amount = max(1, self.payee.funds.payee_free(self.payee.base) * percent // 100)
        add = AddLock(self.make_lock(amount, lifetime, from_payer=False, by_hash=by_hash))
        if issued:
            self.issued[add.cause_id] = add
        self.try_propose(add)

    @rule(which=st.integers(0, 5), share=st.sampled_from((0, 2500, BPS)), shown=st.booleans(), issued=st.booleans())
    @precondition(lambda self: self.in_flight is None and len(self.payer.locks) > 0)
    def a_lock_is_released(self, which: int, share: int, shown: bool, issued: bool) -> None:  # noqa: FBT001
        lock = self.payer.locks.locks[which % len(self.payer.locks)]
        release = ReleaseLock(self.new_cause(), lock.lock_id, share, self.preimages[lock.key] if shown else None)
        # The payee gives its word only for what an outcome says, or for a gift to it.
        if issued and (self.known().proves(lock, release) or (lock.from_payer and share == BPS)):
            self.issued[release.cause_id] = release
        self.try_propose(release)

    @rule(which=st.integers(0, 5), issued=st.booleans())
    @precondition(lambda self: self.in_flight is None and len(self.payer.locks) > 0)
    def a_lock_is_cancelled(self, which: int, issued: bool) -> None:  # noqa: FBT001
        lock = self.payer.locks.locks[which % len(self.payer.locks)]
        cancel = CancelLock(self.new_cause(), lock.lock_id)
        if issued and self.known().of(lock) is None:
            self.issued[cancel.cause_id] = cancel
        self.try_propose(cancel)

    @rule(percent=percents)
    @precondition(lambda self: self.in_flight is None and len(self.payer.locks) > 0)
    def payer_pays_beside_locks(self, percent: int) -> None:
        self.try_propose(Pay(self.new_cause(), max(1, self.payer.payer_spendable * percent // 100)))

    # Conditions and receivers ----------------------------------------------------------------------------------

    @rule(which=st.integers(0, 5), share=st.sampled_from((0, 1, 2500, 9999, BPS)))
    def a_condition_decides(self, which: int, share: int) -> None:
        locks = [*self.payee.locks, *self.settled_locks]
        if locks:
            lock = locks[which % len(locks)]
            given = BPS if lock.condition == HASH_LOCK else share
            self.decided.setdefault((lock.condition, lock.key), Outcome(given, self.now))

    @rule(party=st.sampled_from(PARTIES), barred=st.booleans())
    def the_token_bars_a_receiver(self, party: str, barred: bool) -> None:  # noqa: FBT001
        (self.vault.barred.add if barred else self.vault.barred.discard)(party)

    @rule(party=st.sampled_from(PARTIES))
    def somebody_claims(self, party: str) -> None:
        self.vault.claim(party)

    # After the settlement --------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 5))
    @precondition(lambda self: len(self.settled_locks) > 0)
    def somebody_unlocks(self, which: int) -> None:
        self.unlock(self.settled_locks.locks[which % len(self.settled_locks)])

    def unlock(self, lock: Lock) -> None:
        """Do what `Channels.unlock` does; a lock that is still pending stays."""
        phase = self.head.phase
        assert isinstance(phase, Ended)
        pool = phase.payer_pool if lock.from_payer else phase.payee_pool
        outcome = self.decided.get((lock.condition, lock.key))
        parts = resolve(lock, pool, outcome, self.now)
        if parts is None:
            return
        invariants.lock_goes_where_it_must(lock, pool, outcome, self.now, parts)
        left = pool - parts.payer - parts.payee
        pools = (left, phase.payee_pool) if lock.from_payer else (phase.payer_pool, left)
        self.resolved.append((lock, parts))
        self.settled_locks = self.settled_locks.without(lock.lock_id)
        self.vault.pay(parts.payer, parts.payee)
        self.emit(Unlocked(self.payer.channel_id, lock.lock_id, lock.index, parts.payer, parts.payee, *pools))

    def unlock_all(self) -> None:
        """Let every expiry pass and resolve what is left: the pools are empty then (INV-3)."""
        self.now += 1000
        for lock in self.settled_locks:
            self.unlock(lock)
        phase = self.head.phase
        assert not isinstance(phase, Ended) or (phase.payer_pool, phase.payee_pool) == (0, 0)

    def keep_locks(self, locks: LockSet) -> None:
        """Remember the locks of the state that was settled."""
        self.settled_locks = replace(locks)

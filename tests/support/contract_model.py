"""The contract `Channels` once more, in Python, over the functions of the pure core: what both must agree on.

One method for each function of the contract, with the same refusals in the same order; each returns the events. The
token is DevUSDC: it can bar receivers and be paused. Conditions are outcomes that tests record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from penstock.protocol import onchain
from penstock.protocol.encoding import Domain
from penstock.protocol.locks import Lock, Outcome, resolve, verify
from penstock.protocol.messages import Channel, CloseIntent, State, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Unopened
from penstock.protocol.primitives import DEPOSIT_MAX, ZERO_WORD, Address, Bytes32
from penstock.protocol.settlement import settle


class Refused(Exception):
    """The contract would revert with the error of this name."""


@dataclass(frozen=True)
class Skipped:
    """An item of a batch was skipped because of the error of this name."""

    channel_id: Bytes32
    error: str


@dataclass(frozen=True)
class ClaimRecorded:
    """A payout could not be pushed."""

    creditor: Address
    amount: int


@dataclass(frozen=True)
class Claimed:
    """A creditor took its claim."""

    creditor: Address
    to: Address
    amount: int


ModelEvent = onchain.Event | Skipped | ClaimRecorded | Claimed
Signatures = tuple[bool, bool]
"""Whether the payer's and the payee's signature are good."""


@dataclass
class Record:
    """What the model knows of a channel besides its terms."""

    chain: OnChain = field(default_factory=OnChain)
    root: Bytes32 = ZERO_WORD
    agreed: bool = False
    resolved: set[int] = field(default_factory=set)

    @property
    def phase(self) -> onchain.Phase:
        """Where the channel stands."""
        return self.chain.phase


class ContractModel:
    """All channels of one contract and one token."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.now = 0
        self.held = 0
        self.records: dict[Bytes32, Record] = {}
        self.moved: dict[Address, int] = {}
        self.permits: dict[Address, int] = {}
        self.authorized: set[tuple[Address, Bytes32]] = set()
        self.claims: dict[Address, int] = {}
        self.barred: set[Address] = set()
        self.paused = False
        self.outcomes: dict[tuple[Address, Bytes32], Outcome] = {}
        self._events: list[ModelEvent] = []

    def record(self, channel: Channel) -> Record:
        """Return a channel's record."""
        return self.records.setdefault(self.domain.channel_id(channel), Record())

    def run(self, call: Callable[[], None]) -> list[ModelEvent]:
        """Return the events of a call; a refused one changes nothing and raises `Refused`."""
        self._events = []
        call()
        return self._events

    # Deposits --------------------------------------------------------------------------------------------------

    def deposit(self, channel: Channel, amount: int, sender: Address, *, for_payee: bool) -> None:
        """Deposit from the sender, who has allowed it."""
        self._check_creditable(channel, amount, for_payee=for_payee)
        self._take(sender, amount)
        self._credit(channel, amount, for_payee=for_payee)

    def deposit_with_permit(
        self, channel: Channel, amount: int, sender: Address, *, for_payee: bool, good: bool
    ) -> None:
        """Deposit from a party that allows it in the same call, and allows nothing else."""
        _refuse("NotParty", sender != (channel.payee if for_payee else channel.payer))
        self._check_creditable(channel, amount, for_payee=for_payee)
        _refuse("ERC20InsufficientAllowance", not good)
        self._take(sender, amount)
        self.permits[sender] = self.permits.get(sender, 0) + 1
        self._credit(channel, amount, for_payee=for_payee)

    def deposit_with_authorization(
        self, channel: Channel, amount: int, nonce: Bytes32, valid_before: int, *, for_payee: bool, good: bool
    ) -> None:
        """Deposit from a party that signed the transfer."""
        self._check_creditable(channel, amount, for_payee=for_payee)
        party = channel.payee if for_payee else channel.payer
        _refuse("AuthorizationExpired", self.now >= valid_before)
        _refuse("AuthorizationUsedOrCanceled", (party, nonce) in self.authorized)
        _refuse("InvalidSignature", not good)
        self._take(party, amount)
        self.authorized.add((party, nonce))
        self._credit(channel, amount, for_payee=for_payee)

    def _check_creditable(self, channel: Channel, amount: int, *, for_payee: bool) -> None:
        record = self.record(channel)
        deposited = record.chain.payee_deposit if for_payee else record.chain.payer_deposit
        _refuse("ZeroAmount", amount == 0)
        _refuse("OneWayChannel", for_payee and channel.one_way)
        _refuse("ChannelNotOpen", not isinstance(record.phase, (Unopened, Open)))
        _refuse("DepositTooLarge", deposited + amount > DEPOSIT_MAX)

    def _credit(self, channel: Channel, amount: int, *, for_payee: bool) -> None:
        record, channel_id = self.record(channel), self.domain.channel_id(channel)
        payer = record.chain.payer_deposit + (0 if for_payee else amount)
        payee = record.chain.payee_deposit + (amount if for_payee else 0)
        if isinstance(record.phase, Unopened):
            self._emit(onchain.ChannelOpened(channel_id, channel, payer, payee))
        else:
            self._emit(onchain.Deposited(channel_id, payer, payee))

    # Payments from an open channel -----------------------------------------------------------------------------

    def withdraw(self, channel: Channel, withdrawal: Withdrawal, good: Signatures) -> None:
        """Raise the withdrawn totals."""
        record = self.record(channel)
        chain = record.chain
        _refuse("ChannelNotOpen", not isinstance(record.phase, Open))
        _refuse("OneWayChannel", channel.one_way)
        _refuse("WithdrawalExpired", self.now >= withdrawal.deadline)
        _refuse("InvalidSignature", not all(good))
        payer = max(chain.payer_withdrawn, withdrawal.payer_total)
        payee = max(chain.payee_withdrawn, withdrawal.payee_total)
        _refuse("NothingToWithdraw", (payer, payee) == (chain.payer_withdrawn, chain.payee_withdrawn))
        _refuse("WithdrawalExceedsDeposits", payer + payee > chain.payer_deposit + chain.payee_deposit)
        self._emit(onchain.Withdrawn(withdrawal.channel_id, payer, payee))
        self._pay(channel.payer, payer - chain.payer_withdrawn)
        self._pay(channel.payee, payee - chain.payee_withdrawn)

    def collect(self, channel: Channel, paid: int, *, good: bool) -> None:
        """Pay the payee by a voucher."""
        self._pay(channel.payee, self._collect(channel, paid, good=good))

    def collect_many(self, items: Sequence[tuple[Channel, int, bool]]) -> None:
        """Do so for many; the same payee's payouts leave as one."""
        self._batch([(c, lambda c=c, p=p, g=g: (0, self._collect(c, p, good=g))) for c, p, g in items])  # type: ignore[misc]

    def _collect(self, channel: Channel, paid: int, *, good: bool) -> int:
        record = self._collectable(channel)
        chain = record.chain
        due = min(paid, chain.payer_deposit)
        _refuse("NothingToCollect", due <= chain.payee_withdrawn)
        _refuse("InvalidSignature", not good)
        self._emit(onchain.Collected(self.domain.channel_id(channel), due))
        return due - chain.payee_withdrawn

    def _collectable(self, channel: Channel) -> Record:
        record = self.record(channel)
        _refuse("ChannelNotActive", not isinstance(record.phase, (Open, Closing)))
        _refuse("TwoWayChannel", not channel.one_way)
        self._check_before_deadline(record)
        return record

    # Close -----------------------------------------------------------------------------------------------------

    def close(self, channel: Channel, paid: int, good: Signatures) -> None:
        """Close by agreement."""
        record = self.record(channel)
        chain = record.chain
        _refuse("ChannelNotActive", not isinstance(record.phase, (Open, Closing)))
        _refuse("InvalidSignature", not all(good))
        payer_paid = chain.payer_deposit - chain.payer_withdrawn - paid
        _refuse("CloseExceedsBalance", not 0 <= payer_paid <= chain.held)
        record.root, record.agreed = ZERO_WORD, True
        self._emit(onchain.Closed(self.domain.channel_id(channel), payer_paid, chain.held - payer_paid))
        self._pay(channel.payer, payer_paid)
        self._pay(channel.payee, chain.held - payer_paid)

    def close_one_way(self, channel: Channel, paid: int, sender: Address, *, good: bool) -> None:
        """Collect, and return the rest."""
        _refuse("NotPayee", sender not in (channel.payee, channel.payee_signer))
        record = self._collectable(channel)
        chain = record.chain
        channel_id = self.domain.channel_id(channel)
        due = min(paid, chain.payer_deposit)
        _refuse("InvalidSignature", due > chain.payee_withdrawn and not good)
        record.agreed = True
        due = max(due, chain.payee_withdrawn)
        if due != chain.payee_withdrawn:
            self._emit(onchain.Collected(channel_id, due))
        self._emit(onchain.Closed(channel_id, chain.payer_deposit - due, 0))
        self._pay(channel.payer, chain.payer_deposit - due)
        self._pay(channel.payee, due - chain.payee_withdrawn)

    def start_close(self, channel: Channel, sender: Address, state: State | None, good: Signatures) -> None:
        """Begin the challenge period, as a party."""
        parties = (channel.payer, channel.payer_signer, channel.payee, channel.payee_signer)
        _refuse("NotParty", sender not in parties)
        self._start_close(channel, state, good)

    def start_close_by_intent(
        self, channel: Channel, state: State | None, good: Signatures, intent: CloseIntent, *, by_party: bool
    ) -> None:
        """Begin it with a party's leave."""
        sequence = state.sequence if state else 0
        _refuse("IntentExpired", self.now >= intent.deadline)
        _refuse("SequenceBelowIntent", sequence < intent.min_sequence)
        _refuse("NotSigner", not by_party)
        self._start_close(channel, state, good)

    def _start_close(self, channel: Channel, state: State | None, good: Signatures) -> None:
        record = self.record(channel)
        _refuse("ChannelNotOpen", not isinstance(record.phase, Open))
        if state is not None:
            self._check_dispute(channel, 0, state, good)
        deadline = self.now + channel.challenge_period_seconds
        self._emit(onchain.ClosingStarted(self.domain.channel_id(channel), deadline))
        if state is not None:
            self._dispute(channel, state)

    def challenge(self, channel: Channel, state: State, good: Signatures) -> None:
        """Replace the disputed state by a newer one."""
        record = self.record(channel)
        phase = record.phase
        if not isinstance(phase, Closing):
            raise Refused("ChannelNotClosing")
        self._check_before_deadline(record)
        self._check_dispute(channel, phase.state.sequence, state, good)
        self._dispute(channel, state)

    def challenge_many(self, items: Sequence[tuple[Channel, State, Signatures]]) -> None:
        """Do so for many."""
        for channel, state, good in items:
            self._or_skip(channel, lambda c=channel, s=state, g=good: self.challenge(c, s, g))  # type: ignore[misc]

    def _check_dispute(self, channel: Channel, current: int, state: State, good: Signatures) -> None:
        _refuse("OneWayChannel", channel.one_way)
        _refuse("SequenceNotHigher", state.sequence <= current)
        _refuse("InvalidSignature", not all(good))

    def _dispute(self, channel: Channel, state: State) -> None:
        record = self.record(channel)
        payout = settle(record.chain, state)
        record.root = state.locks_root if payout.payer_pool + payout.payee_pool else ZERO_WORD
        self._emit(onchain.Challenged(state.channel_id, state))

    def settle(self, channel: Channel) -> None:
        """Pay both sides after the challenge period."""
        payer, payee = self._settle(channel)
        self._pay(channel.payer, payer)
        self._pay(channel.payee, payee)

    def settle_many(self, channels: Sequence[Channel]) -> None:
        """Do so for many."""
        self._batch([(channel, lambda c=channel: self._settle(c)) for channel in channels])  # type: ignore[misc]

    def _settle(self, channel: Channel) -> tuple[int, int]:
        record = self.record(channel)
        phase, chain = record.phase, record.chain
        if not isinstance(phase, Closing):
            raise Refused("ChannelNotClosing")
        _refuse("ChallengePeriodRunning", self.now < phase.deadline)
        state = replace(phase.state, paid=chain.payee_withdrawn) if channel.one_way else phase.state
        payout = settle(chain, state)
        figures = (payout.payer_paid, payout.payee_paid, payout.payer_pool, payout.payee_pool)
        self._emit(onchain.Settled(self.domain.channel_id(channel), *figures))
        return payout.payer_paid, payout.payee_paid

    # Locks and claims ------------------------------------------------------------------------------------------

    def unlock(self, channel: Channel, lock: Lock, proof: tuple[Bytes32, ...]) -> None:
        """Resolve one lock."""
        payer, payee = self._unlock(channel, lock, proof)
        self._pay(channel.payer, payer)
        self._pay(channel.payee, payee)

    def unlock_many(self, items: Sequence[tuple[Channel, Lock, tuple[Bytes32, ...]]]) -> None:
        """Do so for many."""
        self._batch([(c, lambda c=c, k=k, p=p: self._unlock(c, k, p)) for c, k, p in items])  # type: ignore[misc]

    def _unlock(self, channel: Channel, lock: Lock, proof: tuple[Bytes32, ...]) -> tuple[int, int]:
        record = self.record(channel)
        phase = record.phase
        if not isinstance(phase, Ended):
            raise Refused("ChannelNotSettled")
        _refuse("LockResolved", lock.index in record.resolved)
        _refuse("InvalidProof", not verify(record.root, lock, proof))
        pool = phase.payer_pool if lock.from_payer else phase.payee_pool
        parts = resolve(lock, pool, self.outcomes.get((lock.condition, lock.key)), self.now)
        if parts is None:
            raise Refused("LockPending")
        record.resolved.add(lock.index)
        left = pool - parts.payer - parts.payee
        pools = (left, phase.payee_pool) if lock.from_payer else (phase.payer_pool, left)
        channel_id = self.domain.channel_id(channel)
        self._emit(onchain.Unlocked(channel_id, lock.lock_id, lock.index, parts.payer, parts.payee, *pools))
        return parts.payer, parts.payee

    def claim(self, creditor: Address, to: Address) -> None:
        """Take a claim."""
        amount = self.claims.get(creditor, 0)
        _refuse("NothingToClaim", amount == 0)
        _refuse("TokenPaused", self.paused)
        _refuse("Blacklisted", to in self.barred)
        self.claims[creditor] = 0
        self._transfer(to, amount)
        self._events.append(Claimed(creditor, to, amount))

    # How it pays -----------------------------------------------------------------------------------------------

    def _batch(self, items: Sequence[tuple[Channel, Callable[[], tuple[int, int]]]]) -> None:
        """Do what can be done; payouts to the same party, one after the other, leave as one."""
        runs: dict[str, tuple[Address | None, int]] = {"payer": (None, 0), "payee": (None, 0)}
        for channel, work in items:
            amounts: list[tuple[int, int]] = []
            self._or_skip(channel, lambda w=work, a=amounts: a.append(w()))  # type: ignore[misc]
            for paid in amounts:
                for side, to, amount in zip(runs, (channel.payer, channel.payee), paid, strict=True):
                    before, run = runs[side]
                    if before is not None and before != to:
                        self._pay(before, run)
                        run = 0
                    runs[side] = to, run + amount
        for last, run in runs.values():
            if last is not None:
                self._pay(last, run)

    def _or_skip(self, channel: Channel, work: Callable[[], object]) -> None:
        try:
            work()
        except Refused as refusal:
            self._events.append(Skipped(self.domain.channel_id(channel), str(refusal)))

    def _pay(self, to: Address, amount: int) -> None:
        if amount == 0:
            return
        if self.paused or to in self.barred:
            self.claims[to] = self.claims.get(to, 0) + amount
            self._events.append(ClaimRecorded(to, amount))
        else:
            self._transfer(to, amount)

    def _transfer(self, to: Address, amount: int) -> None:
        self.held -= amount
        self.moved[to] = self.moved.get(to, 0) + amount

    def _take(self, owner: Address, amount: int) -> None:
        _refuse("TokenPaused", self.paused)
        _refuse("Blacklisted", owner in self.barred)
        self.held += amount
        self.moved[owner] = self.moved.get(owner, 0) - amount

    def _check_before_deadline(self, record: Record) -> None:
        if isinstance(record.phase, Closing):
            _refuse("ChallengePeriodOver", self.now >= record.phase.deadline)

    def _emit(self, event: onchain.Event) -> None:
        record = self.records[event.channel_id]
        record.chain = onchain.apply(record.chain, event)
        self._events.append(event)


def _refuse(error: str, fault: bool) -> None:  # noqa: FBT001 (the condition is the point)
    if fault:
        raise Refused(error)

"""A two-way channel under random histories: every invariant holds after every step (docs/protocol.md, section 5).

Two honest parties run the pure core over a model of the contract. The network loses answers, the payer is refused,
deposits vanish in reorgs before they are confirmed, and either party turns cheat and closes with any state it
holds. A watcher with the newest co-signed state answers. In the end both have at least what the newest co-signed
state gives them.

Locks, conditions and barred receivers are in lock_rules.py; INV-10 is in test_voucher_machine.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.protocol import invariants
from penstock.protocol.causes import Cause, Pay, Refund
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PeerFault, WrongSigner
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.locks import NO_LOCKS
from penstock.protocol.messages import Close, SignedState, State, Withdrawal
from penstock.protocol.onchain import (
    Challenged,
    ChannelOpened,
    Closed,
    Closing,
    ClosingStarted,
    Deposited,
    Event,
    OnChain,
    Open,
    Settled,
    Unopened,
    Withdrawn,
    fold,
)
from penstock.protocol.position import Funds, Position, funds_that_count
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import (
    CauseRecords,
    Proposal,
    accept,
    check_authentic,
    complete,
    propose,
    refuse,
)
from penstock.protocol.settlement import Payout, settle
from penstock.protocol.watch_policy import Challenge, Settle, decide
from tests.property.lock_rules import PARTIES, LockRules
from tests.support.parties import DOMAIN, PAYEE, PAYER, STRANGER, cause_id, make_channel, make_proposal

PERIOD = 100
WITHDRAWAL_WINDOW = 20
SOME_HISTORY = 1  # channels that end at once teach little
amounts = st.integers(1, 120)
percents = st.integers(1, 110)


def share(balance: int, percent: int) -> int:
    """Return about ``percent`` of a balance, at least one unit: most are covered, some are not."""
    return max(1, balance * percent // 100)


class ChannelMachine(LockRules, RuleBasedStateMachine):
    """One channel, its two honest parties, the chain, and a network that loses things."""

    def __init__(self) -> None:
        super().__init__()
        self.channel = make_channel()
        self.channel_id = DOMAIN.channel_id(self.channel)
        self.now = 1000
        self.confirmed_events: list[Event] = []
        self.fresh_events: list[Event] = []  # seen at the head, not yet confirmed: a reorg may take them back
        start = Position(self.channel_id, self.channel, Unopened(), Funds())
        self.payer = start
        self.payee = start
        self.promised: list[Withdrawal] = []
        self.in_flight: Proposal | None = None
        self.co_signed: dict[int, SignedState] = {}
        self.applied: set[Bytes32] = set()
        self.issued: dict[Bytes32, Cause] = {}
        self.next_cause = 0
        self.agreed: Close | None = None
        self.submitted: list[State] = []
        self.ended: tuple[int, int] | None = None  # what each party had a right to, but for its locks
        self.previous = OnChain()

    @initialize(payer_deposit=amounts, payee_deposit=st.one_of(st.just(0), amounts))
    def open(self, payer_deposit: int, payee_deposit: int) -> None:
        self.emit(ChannelOpened(self.channel_id, self.channel, payer_deposit, payee_deposit))
        self.confirm()

    def teardown(self) -> None:
        """Whatever happened: a cheat closes with the state it likes best, the watcher answers, time runs out."""
        phase = self.head.phase
        if isinstance(phase, Open):
            self.close_with(max(self.co_signed_states(), key=lambda state: state.paid))
        if isinstance(self.head.phase, Closing):
            self.the_period_ends()
        self.unlock_all()
        self.everybody_has_what_is_theirs()

    def everybody_has_what_is_theirs(self) -> None:
        """INV-3 and INV-5 to the end: all that came in went out, and each got its balance and its locks' outcomes."""
        assert self.vault.owned("payer") + self.vault.owned("payee") == self.vault.paid_in
        if self.ended is None:
            return
        free = dict(zip(PARTIES, self.ended, strict=True))
        for _, parts in self.resolved:
            free["payer"] += parts.payer
            free["payee"] += parts.payee
        for party in PARTIES:
            assert self.vault.owned(party) >= free[party]

    # The chain ------------------------------------------------------------------------------------------------

    @property
    def head(self) -> OnChain:
        return fold([*self.confirmed_events, *self.fresh_events])

    def emit(self, event: Event) -> None:
        before = self.head
        fold([*self.confirmed_events, *self.fresh_events, event])
        self.fresh_events.append(event)
        head = self.head
        self.vault.take(head.payer_deposit + head.payee_deposit - before.payer_deposit - before.payee_deposit)
        self.vault.pay(head.payer_withdrawn - before.payer_withdrawn, head.payee_withdrawn - before.payee_withdrawn)
        self.look()

    def look(self) -> None:
        """Both parties see the chain as their followers would."""
        confirmed, head = fold(self.confirmed_events), self.head
        live = [promise for promise in self.promised if promise.deadline >= self.now]
        funds = funds_that_count(confirmed, head, live)
        self.payer = replace(self.payer, phase=head.phase, funds=funds)
        self.payee = replace(self.payee, phase=head.phase, funds=funds)

    @rule(amount=amounts, for_payee=st.booleans())
    @precondition(lambda self: isinstance(self.head.phase, Open))
    def deposit(self, amount: int, for_payee: bool) -> None:  # noqa: FBT001
        head = self.head
        payer_total = head.payer_deposit + (0 if for_payee else amount)
        payee_total = head.payee_deposit + (amount if for_payee else 0)
        self.emit(Deposited(self.channel_id, payer_total, payee_total))

    @rule()
    def confirm(self) -> None:
        self.confirmed_events += self.fresh_events
        self.fresh_events = []
        self.confirm_outcomes()
        self.look()

    @rule(seconds=st.integers(1, 30))
    def time_passes(self, seconds: int) -> None:
        self.confirm()
        phase = self.head.phase
        if isinstance(phase, Closing) and self.now < phase.deadline <= self.now + seconds:
            self.the_watcher_acts()  # somebody is awake at least once in every challenge period
            self.confirm()
        self.now += seconds
        self.look()

    @rule()
    @precondition(lambda self: self.fresh_events and all(isinstance(e, Deposited) for e in self.fresh_events))
    def a_reorg_drops_fresh_deposits(self) -> None:
        before = self.head
        self.fresh_events = []
        self.previous = head = self.head
        self.vault.take(head.payer_deposit + head.payee_deposit - before.payer_deposit - before.payee_deposit)
        self.look()

    # Payments -------------------------------------------------------------------------------------------------

    def new_cause(self) -> Bytes32:
        self.next_cause += 1
        return cause_id(self.next_cause)

    def try_propose(self, *causes: Cause) -> None:
        try:
            after, unsigned = propose(self.payer, causes, DOMAIN)
        except PeerFault:
            return
        self.payer = after
        self.in_flight = replace(unsigned, signature=PAYER.sign(unsigned.state))

    @rule(percent=percents)
    @precondition(lambda self: self.in_flight is None)
    def payer_pays(self, percent: int) -> None:
        self.try_propose(Pay(self.new_cause(), share(self.payer.payer_spendable, percent)))

    @rule(percent=percents, step=st.integers(0, 3), mischief=st.sampled_from(("overspend", "steal", "renumber")))
    @precondition(lambda self: self.in_flight is None)
    def a_cheating_payer_proposes(self, percent: int, step: int, mischief: str) -> None:
        base = self.payee.base
        amount = share(self.payee.funds.payer_deposit, 100 + percent if mischief == "overspend" else percent)
        cause = (Refund if mischief == "steal" else Pay)(self.new_cause(), amount)
        proposal = make_proposal(self.payee, cause, sequence=max(1, base.sequence + step))
        try:
            if not check_authentic(self.payee, proposal, self.held(proposal), DOMAIN):
                self.co_sign(proposal)
        except PeerFault:
            return
        self.payer = complete(self.payer, self.co_signed[proposal.state.sequence], DOMAIN)

    @rule(percent=percents)
    def a_proposal_of_another_key_or_chain_is_not_heard(self, percent: int) -> None:
        pay = Pay(self.new_cause(), share(self.payee.funds.payer_deposit, percent))
        for domain, proposal in (
            (DOMAIN, make_proposal(self.payee, pay, signer=STRANGER)),
            (Domain(1, DOMAIN.contract), make_proposal(self.payee, pay)),
        ):
            with pytest.raises(WrongSigner):  # INV-6
                check_authentic(self.payee, proposal, None, domain)

    @rule(percent=percents)
    def payee_issues_a_refund(self, percent: int) -> None:
        refund = Refund(self.new_cause(), share(self.payee.funds.payee_free(self.payee.base), percent))
        self.issued[refund.cause_id] = refund

    @rule()
    @precondition(lambda self: self.in_flight is None and self.issued)
    def payer_takes_a_refund(self) -> None:
        self.try_propose(next(iter(self.issued.values())))

    def held(self, proposal: Proposal) -> State | None:
        held = self.co_signed.get(proposal.state.sequence)
        return held.state if held else None

    def co_sign(self, proposal: Proposal) -> None:
        """Accept and sign as a node does; a refusal leaves only the number behind."""
        try:
            records = CauseRecords(frozenset(self.applied), self.issued, self.known())
            accepted = accept(self.payee, proposal, records, DOMAIN)
        except PeerFault:
            self.payee = refuse(self.payee, proposal)
            raise
        signed = SignedState(proposal.state, proposal.signature, PAYEE.sign(proposal.state), accepted.locks)
        self.payee = replace(accepted, newest=signed)
        self.co_signed[proposal.state.sequence] = signed
        self.applied |= {cause.cause_id for cause in proposal.causes}
        for cause in proposal.causes:
            self.issued.pop(cause.cause_id, None)

    @rule(answer_arrives=st.booleans())
    @precondition(lambda self: self.in_flight is not None)
    def payee_answers(self, answer_arrives: bool) -> None:  # noqa: FBT001
        proposal = self.in_flight
        assert proposal is not None
        try:
            if not check_authentic(self.payee, proposal, self.held(proposal), DOMAIN):
                self.co_sign(proposal)
        except PeerFault:
            self.in_flight = None  # the number is used up, the half-signed state still counts as possibly final
            return
        if answer_arrives:
            self.payer = complete(self.payer, self.co_signed[proposal.state.sequence], DOMAIN)
            self.in_flight = None

    @rule()
    @precondition(lambda self: self.in_flight is not None)
    def payee_refuses_out_of_hand(self) -> None:
        assert self.in_flight is not None
        if self.held(self.in_flight) is None:
            self.payee = refuse(self.payee, self.in_flight)
            self.in_flight = None

    # Ways out -------------------------------------------------------------------------------------------------

    @rule(percent=percents, for_payee=st.booleans())
    def both_sign_a_withdrawal(self, percent: int, for_payee: bool) -> None:  # noqa: FBT001
        funds, base = self.payer.funds, self.payee.base
        payer_more = 0 if for_payee else share(funds.payer_free(base), percent)
        payee_more = share(funds.payee_free(base), percent) if for_payee else 0
        withdrawal = Withdrawal(
            self.channel_id,
            funds.payer_withdrawn + payer_more,
            funds.payee_withdrawn + payee_more,
            self.now + WITHDRAWAL_WINDOW,
        )
        try:
            for side in (self.payer, self.payee):
                check_withdrawal(side, withdrawal, self.now, self.now + WITHDRAWAL_WINDOW)
        except PeerFault:
            return
        self.promised.append(withdrawal)
        self.look()

    @rule(which=st.integers(0, 5))
    @precondition(lambda self: isinstance(self.head.phase, Open) and self.promised)
    def somebody_submits_a_withdrawal(self, which: int) -> None:
        withdrawal = self.promised[which % len(self.promised)]
        head = self.head
        payer_total = max(head.payer_withdrawn, withdrawal.payer_total)
        payee_total = max(head.payee_withdrawn, withdrawal.payee_total)
        rises = (payer_total, payee_total) != (head.payer_withdrawn, head.payee_withdrawn)
        covered = payer_total + payee_total <= head.payer_deposit + head.payee_deposit
        if self.now < withdrawal.deadline and rises and covered:
            self.emit(Withdrawn(self.channel_id, payer_total, payee_total))

    @rule(which=st.integers(0, 10))
    @precondition(lambda self: self.in_flight is None and len(self.co_signed) >= SOME_HISTORY)
    def both_sign_a_close(self, which: int) -> None:
        figures = [self.payee.base.paid, *(state.paid for state in self.co_signed_states())]
        close = Close(self.channel_id, figures[which % len(figures)])
        try:
            payer, payee = check_close(self.payer, close), check_close(self.payee, close)
        except PeerFault:
            return
        self.payer, self.payee, self.agreed = payer, payee, close

    @rule()
    @precondition(lambda self: self.agreed is not None and isinstance(self.head.phase, (Open, Closing)))
    def somebody_submits_the_agreed_close(self) -> None:
        assert self.agreed is not None
        head = self.head
        payer_paid = head.payer_deposit - head.payer_withdrawn - self.agreed.paid
        payee_paid = head.held - payer_paid
        if payer_paid >= 0 and payee_paid >= 0:
            self.finish(Payout(payer_paid, payee_paid, 0, 0), Closed(self.channel_id, payer_paid, payee_paid))

    @rule(which=st.integers(0, 10))
    @precondition(lambda self: isinstance(self.head.phase, Open) and len(self.co_signed) >= SOME_HISTORY)
    def a_cheat_closes_with_any_state_it_holds(self, which: int) -> None:
        states = self.co_signed_states()
        self.close_with(states[which % len(states)])

    def co_signed_states(self) -> list[State]:
        """Every state a close may name; the first is the bare close."""
        return [State(self.channel_id, 0, 0), *(signed.state for signed in self.co_signed.values())]

    def close_with(self, state: State) -> None:
        self.confirm()
        self.submitted.append(state)
        self.emit(ClosingStarted(self.channel_id, self.now + PERIOD))
        if state.sequence:
            self.emit(Challenged(self.channel_id, state))

    @rule()
    @precondition(lambda self: isinstance(self.head.phase, Closing))
    def the_watcher_acts(self) -> None:
        newest = self.payee.newest
        if newest is None:
            return
        action = decide(self.head, newest, self.now)
        if isinstance(action, Challenge):
            self.submitted.append(action.evidence.state)
            self.emit(Challenged(self.channel_id, action.evidence.state))
        elif isinstance(action, Settle):
            self.settle_now()

    @rule()
    @precondition(lambda self: isinstance(self.head.phase, Closing))
    def the_period_ends(self) -> None:
        self.the_watcher_acts()
        phase = self.head.phase
        if isinstance(phase, Closing):
            self.confirm()
            self.now = phase.deadline
            self.settle_now()

    def settle_now(self) -> None:
        head = self.head
        assert isinstance(head.phase, Closing)
        payout = settle(head, head.phase.state)
        figures = (payout.payer_paid, payout.payee_paid, payout.payer_pool, payout.payee_pool)
        newest = self.co_signed.get(head.phase.state.sequence)
        self.keep_locks(newest.locks if newest else NO_LOCKS)
        self.finish(payout, Settled(self.channel_id, *figures))

    def finish(self, payout: Payout, event: Event) -> None:
        before = self.head
        invariants.pays_what_came_in(before, payout)
        funds = Funds(before.payer_deposit, before.payee_deposit, before.payer_withdrawn, before.payee_withdrawn)
        invariants.honest_party_is_whole(self.payee.base, funds, payout)
        assert payout.payer_paid >= self.payer.payer_spendable  # it may not have seen the newest answer yet
        self.ended = (
            before.payer_withdrawn + funds.payer_free(self.payee.base),
            before.payee_withdrawn + funds.payee_free(self.payee.base),
        )
        self.vault.pay(payout.payer_paid, payout.payee_paid)
        self.emit(event)

    # After every step -----------------------------------------------------------------------------------------

    @invariant()
    def the_chain_keeps_its_word(self) -> None:
        before, after = self.previous, self.head
        invariants.totals_only_grow(before, after)
        invariants.phases_never_go_back(before, after)
        invariants.deadline_never_moves(before, after)
        invariants.settled_stays_settled(before, after)
        if isinstance(after.phase, Closing):
            invariants.newest_decides(self.submitted, after.phase.state)
        invariants.conservation(self.vault.balance, [after], sum(self.vault.claims.values()))
        invariants.locks_resolve_once(lock for lock, _ in self.resolved)
        self.previous = after

    @invariant()
    def the_parties_keep_theirs(self) -> None:
        every_signed: list[SignedState | State] = [*self.co_signed.values(), *self.payer.unanswered]
        invariants.one_state_per_sequence(every_signed)
        invariants.balances_equal_chain(self.head, self.payee.base)
        assert self.payer.base.sequence <= self.payee.base.sequence

    @invariant()
    def every_state_that_may_become_final_is_covered_by_what_is_confirmed(self) -> None:
        if isinstance(self.head.phase, (Open, Closing)):
            for position in (self.payer, self.payee):
                for state in position.possible_finals:
                    assert position.funds.payer_free(state) >= 0
                    assert position.funds.payee_free(state) >= 0


ChannelMachine.TestCase.settings = settings(max_examples=500, stateful_step_count=40)
TestChannelMachine = ChannelMachine.TestCase

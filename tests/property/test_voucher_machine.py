"""A one-way channel under random histories: no voucher is paid twice or beyond the deposit (INV-2, 3, 6, 10, 11).

The payer pays by vouchers, some of which are lost or refused, tops up, and closes whenever it likes. The payee
collects whenever it likes, old vouchers too; deposits vanish in reorgs. A watcher with the highest voucher collects
before the deadline.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.protocol import invariants
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PeerFault, WrongSigner
from penstock.protocol.messages import SignedVoucher, State
from penstock.protocol.onchain import (
    ChannelOpened,
    Closing,
    ClosingStarted,
    Collected,
    Deposited,
    Ended,
    Event,
    OnChain,
    Open,
    Settled,
    Unopened,
    fold,
)
from penstock.protocol.position import Funds, Position, funds_that_count
from penstock.protocol.settlement import settle
from penstock.protocol.vouchers import accept_voucher, next_voucher
from penstock.protocol.watch_policy import Collect, decide
from tests.support.parties import DOMAIN, PAYER, STRANGER, make_channel, make_voucher

PERIOD = 100
amounts = st.integers(1, 100)


class VoucherMachine(RuleBasedStateMachine):
    """One one-way channel, its honest parties and the chain."""

    def __init__(self) -> None:
        super().__init__()
        self.channel = make_channel(one_way=True)
        self.channel_id = DOMAIN.channel_id(self.channel)
        self.confirmed_events: list[Event] = []
        self.fresh_events: list[Event] = []
        self.payer = Position(self.channel_id, self.channel, Unopened(), Funds())
        self.payee = self.payer
        self.signed: list[SignedVoucher] = []
        self.paid_out = 0  # to the payee, by the chain's own account
        self.now = 1000
        self.previous = OnChain()

    @property
    def head(self) -> OnChain:
        return fold([*self.confirmed_events, *self.fresh_events])

    def emit(self, event: Event) -> None:
        self.fresh_events.append(event)
        self.look()

    def look(self) -> None:
        head = self.head
        funds = funds_that_count(fold(self.confirmed_events), head, [])
        self.payer = replace(self.payer, phase=head.phase, funds=funds)
        self.payee = replace(self.payee, phase=head.phase, funds=funds)

    @initialize(amount=amounts)
    def open(self, amount: int) -> None:
        self.emit(ChannelOpened(self.channel_id, self.channel, amount, 0))
        self.confirm()

    @rule()
    def confirm(self) -> None:
        self.confirmed_events += self.fresh_events
        self.fresh_events = []
        self.look()

    @rule(amount=amounts)
    @precondition(lambda self: isinstance(self.head.phase, Open))
    def top_up(self, amount: int) -> None:
        self.emit(Deposited(self.channel_id, self.head.payer_deposit + amount, 0))

    @rule()
    @precondition(lambda self: self.fresh_events and all(isinstance(e, Deposited) for e in self.fresh_events))
    def a_reorg_drops_fresh_deposits(self) -> None:
        self.fresh_events = []
        self.previous = self.head
        self.look()

    @rule(amount=amounts, arrives=st.booleans())
    def payer_pays(self, amount: int, arrives: bool) -> None:  # noqa: FBT001
        try:
            voucher = next_voucher(self.payer, amount)
        except PeerFault:
            return
        signed = SignedVoucher(voucher, PAYER.sign(voucher))
        self.payer = replace(self.payer, voucher=signed)
        self.signed.append(signed)
        if arrives:
            self.payee = accept_voucher(self.payee, signed, DOMAIN)

    @rule(paid=st.integers(1, 400))
    def a_cheat_sends_any_figure(self, paid: int) -> None:
        before = self.payee
        voucher = make_voucher(self.payee, paid)
        try:
            self.payee = accept_voucher(before, voucher, DOMAIN)
        except PeerFault:
            return
        self.signed.append(voucher)
        if self.payer.voucher is None or self.payer.voucher.voucher.paid < paid:
            self.payer = replace(self.payer, voucher=voucher)

    @rule(paid=st.integers(1, 100))
    def a_voucher_of_another_key_chain_or_channel_is_refused(self, paid: int) -> None:
        genuine = make_voucher(self.payee, paid)
        for domain, voucher in (
            (DOMAIN, make_voucher(self.payee, paid, signer=STRANGER)),
            (Domain(1, DOMAIN.contract), genuine),
            (DOMAIN, replace(genuine, voucher=replace(genuine.voucher, paid=paid + 1))),
        ):
            with pytest.raises(WrongSigner):
                accept_voucher(self.payee, voucher, domain)

    @rule(which=st.integers(0, 20))
    @precondition(lambda self: self.signed and isinstance(self.head.phase, (Open, Closing)))
    def somebody_collects(self, which: int) -> None:
        self.collect(self.signed[which % len(self.signed)].voucher.paid)

    def collect(self, paid: int) -> None:
        """Do what `Channels.collect` does."""
        head = self.head
        due = min(paid, head.payer_deposit)
        if due > head.payee_withdrawn:
            self.confirm()  # what is collected stays collected in this model: deposits alone are undone
            self.paid_out += due - head.payee_withdrawn
            self.emit(Collected(self.channel_id, due))

    @rule()
    @precondition(lambda self: isinstance(self.head.phase, Open))
    def the_payer_closes(self) -> None:
        self.confirm()
        self.emit(ClosingStarted(self.channel_id, self.now + PERIOD))

    @rule()
    @precondition(lambda self: isinstance(self.head.phase, Closing))
    def the_period_ends(self) -> None:
        if self.payee.voucher:
            action = decide(self.head, self.payee.voucher, self.now)
            if isinstance(action, Collect):
                self.collect(action.evidence.voucher.paid)
        self.confirm()
        head = self.head
        payout = settle(head, State(self.channel_id, 0, head.payee_withdrawn))
        assert (payout.payer_paid, payout.payee_paid) == (head.held, 0)  # what was collected is all the payee gets
        invariants.pays_what_came_in(head, payout)
        if self.payee.voucher:
            assert self.paid_out >= self.payee.voucher.voucher.paid
        self.now += PERIOD
        self.emit(Settled(self.channel_id, payout.payer_paid, payout.payee_paid, 0, 0))

    def teardown(self) -> None:
        """Whatever happened: the payer closes, the watcher collects, time runs out."""
        if isinstance(self.head.phase, Open):
            self.the_payer_closes()
        if isinstance(self.head.phase, Closing):
            self.the_period_ends()

    @invariant()
    def the_chain_keeps_its_word(self) -> None:
        before, after = self.previous, self.head
        invariants.totals_only_grow(before, after)
        invariants.phases_never_go_back(before, after)
        invariants.settled_stays_settled(before, after)
        invariants.collected_at_most_deposited(after)
        assert self.paid_out == after.payee_withdrawn
        balance = 0 if isinstance(after.phase, Ended) else after.held
        invariants.conservation(balance, [after], 0)
        self.previous = after

    @invariant()
    def the_payee_holds_nothing_that_is_not_covered(self) -> None:
        if self.payee.voucher and isinstance(self.head.phase, Open):
            assert self.payee.voucher.voucher.paid <= self.payee.funds.payer_deposit


VoucherMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
TestVoucherMachine = VoucherMachine.TestCase

"""The client's own records: works that run inside one transaction of its database.

Each work loads the position, lets the pure core decide, saves, and signs last. The database runs the signer's
``flush`` before its COMMIT, so a signature leaves only after both the mark and the record are on disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from penstock.chain.signer import Signer
from penstock.client.errors import ChannelNotKept, WithdrawalPending
from penstock.client.ports import ChainView
from penstock.protocol.causes import Transfer
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import CauseRepeated
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.messages import Channel, Close, SignedState, SignedVoucher, Withdrawal
from penstock.protocol.position import Position
from penstock.protocol.primitives import ZERO_WORD, Bytes32
from penstock.protocol.proposals import Proposal, complete, propose
from penstock.protocol.signatures import check_signer
from penstock.protocol.vouchers import next_voucher
from penstock.storage import UnitOfWork

RECOVERY_JUMP = 2**31
"""How far above everything seen a party goes on after it lost data (docs/protocol.md, section 3)."""

_BELIEVABLE_MAX = 2**62
"""The node's word on used numbers is unsigned: a wild one would use up all numbers."""


@dataclass(frozen=True, slots=True)
class Book:
    """Works on the client's database; each takes the unit of work first. ``clock`` gives seconds since the epoch."""

    signer: Signer
    domain: Domain
    clock: Callable[[], float]

    def now(self) -> int:
        """Return the time in whole seconds since the epoch."""
        return int(self.clock())

    def load(self, uow: UnitOfWork, channel_id: Bytes32) -> Position:
        """Return the position; the signer's mark counts as seen, even where the store knows less.

        Raises
        ------
        ChannelNotKept
            The store does not have the channel.
        """
        position = uow.channels.get(channel_id)
        if position is None:
            raise ChannelNotKept(str(channel_id))
        return replace(position, highest_seen=max(position.highest_seen, self.signer.mark(channel_id).highest))

    def add(self, uow: UnitOfWork, channel: Channel) -> None:
        """Keep a channel's terms; a channel that is kept already stays as it is."""
        channel_id = self.domain.channel_id(channel)
        if uow.channels.get(channel_id) is None:
            uow.channels.add(channel_id, channel, self.now())

    def see_chain(self, uow: UnitOfWork, channel_id: Bytes32, view: ChainView) -> Position:
        """Store what the chain says and forget promises that can no longer be used."""
        uow.channels.set_onchain(channel_id, view.confirmed, view.head)
        uow.channels.expire_promises(view.confirmed_time)
        return self.load(uow, channel_id)

    # Two-way channels -------------------------------------------------------------------------------------------

    def propose(self, uow: UnitOfWork, channel_id: Bytes32, causes: Sequence[Transfer]) -> list[Proposal]:
        """Return what to send now: proposals that nobody answered yet, or else a new one over ``causes``.

        Raises
        ------
        CauseRepeated
            One of the causes was applied before.
        PenstockError
            As `penstock.protocol.proposals.propose` and `Signer.sign_state`.
        """
        waiting = uow.states.unanswered(channel_id)
        if waiting:
            return waiting
        applied = uow.causes.records(channel_id, [cause.cause_id for cause in causes]).applied
        for cause in causes:
            if cause.cause_id in applied:
                raise CauseRepeated(cause.cause_id)
        before = self.load(uow, channel_id)
        position, unsigned = propose(before, causes, self.domain)
        # Noted here and not with the answer: one wait for the disk covers this mark and the next one.
        self.signer.note_cosigned(channel_id, before.base.sequence)
        signed = replace(unsigned, signature=self.signer.sign_state(unsigned.state, cosigned=False))
        uow.states.add(signed, b"", self.now())
        uow.channels.save(position)
        return [signed]

    def record_answer(self, uow: UnitOfWork, signed: SignedState) -> Position:
        """Store a co-signed state, of ours or of records that were lost; both signatures are checked here.

        A state that our records do not have, or have otherwise, was signed by our key and forgotten: from then on
        numbers go on far above it.

        Raises
        ------
        MalformedSignature, HighS, WrongSigner
            It is not signed by both: nothing changes.
        """
        before = self.load(uow, signed.state.channel_id)
        after = complete(before, signed, self.domain)
        if after == before:
            return before
        channel_id, sequence = signed.state.channel_id, signed.state.sequence
        known = uow.states.get(channel_id, sequence)
        if known is not None and known.signed.state == signed.state:
            uow.states.complete(signed, self.now())
            uow.causes.apply(channel_id, sequence, known.causes)
        else:
            after = replace(after, highest_seen=jump(after.highest_seen))
            self.signer.note_cosigned(channel_id, sequence)
            if known is None:
                uow.states.complete(signed, self.now())
            else:
                # Two states of ours with one number: the signer's marks were lost too. The history keeps what we
                # had, the position takes what both signed.
                uow.states.refuse(channel_id, sequence)
        uow.channels.save(after)
        return after

    def record_refusal(self, uow: UnitOfWork, proposal: Proposal, newest: SignedState | None, highest: int) -> None:
        """Note that ``proposal`` was refused, and take what the node says of the newest state and number.

        Parameters
        ----------
        newest
            The newest co-signed state as the node tells it; believed if it carries both signatures.
        highest
            The highest number used as the node tells it, 0 if it does not say.
        """
        channel_id = proposal.state.channel_id
        uow.states.refuse(channel_id, proposal.state.sequence)
        position = self.load(uow, channel_id) if newest is None else self.record_answer(uow, newest)
        if position.highest_seen < highest <= _BELIEVABLE_MAX:
            uow.channels.save(replace(position, highest_seen=highest))

    def record_recovery(
        self, uow: UnitOfWork, channel: Channel, found: Sequence[SignedState], highest: int
    ) -> Position:
        """Take over what others kept of a channel whose records were lost, or are older than theirs.

        Parameters
        ----------
        found
            States with our genuine signature, co-signed or half-signed, in any order.
        highest
            The highest number that anyone reports as used.
        """
        channel_id = self.domain.channel_id(channel)
        lost = uow.channels.get(channel_id) is None
        self.add(uow, channel)
        before = self.load(uow, channel_id)
        for signed in found:
            if signed.payee_signature:
                self.record_answer(uow, signed)
            elif uow.states.get(channel_id, signed.state.sequence) is None:
                # Its causes are unknown, so it is never sent again; it may become final all the same.
                uow.states.add(Proposal(ZERO_WORD, signed.state, signed.payer_signature, ()), b"", self.now())
                uow.states.refuse(channel_id, signed.state.sequence)
        after = self.load(uow, channel_id)
        claimed = highest if highest <= _BELIEVABLE_MAX else 0
        seen = max([claimed, *(signed.state.sequence for signed in found)])
        if lost or seen > before.highest_seen:
            after = replace(after, highest_seen=max(after.highest_seen, jump(max(seen, before.highest_seen))))
            uow.channels.save(after)
        return after

    # One-way channels -------------------------------------------------------------------------------------------

    def sign_voucher(self, uow: UnitOfWork, channel_id: Bytes32, amount: int) -> tuple[Position, SignedVoucher]:
        """Return the position before and the voucher that pays ``amount`` more, kept as promised.

        After a refusal it may be lower than one signed before: vouchers are totals, so the lower one adds nothing
        to what the payee could collect.
        """
        before = self.load(uow, channel_id)
        voucher = next_voucher(before, amount)
        signed = SignedVoucher(voucher, self.signer.sign_voucher(voucher))
        if not any(kept.signed.voucher == voucher for kept in uow.vouchers.history(channel_id, voucher.paid + 1, 1)):
            uow.vouchers.add(signed, self.now())
        uow.channels.save(replace(before, voucher=signed))
        return before, signed

    def take_voucher(self, uow: UnitOfWork, channel_id: Bytes32, signed: SignedVoucher | None) -> Position:
        """Let ``signed`` be the highest voucher that the payee has; our signature on it is checked.

        Raises
        ------
        MalformedSignature, HighS, WrongSigner
            We did not sign it: nothing changes.
        """
        position = self.load(uow, channel_id)
        if signed is not None:
            check_signer(self.domain.digest(signed.voucher), signed.payer_signature, position.channel.payer_signer)
        after = replace(position, voucher=signed)
        uow.channels.save(after)
        return after

    # Ways out ---------------------------------------------------------------------------------------------------

    def sign_withdrawal(
        self, uow: UnitOfWork, channel_id: Bytes32, amount: int, period: tuple[int, int]
    ) -> tuple[Withdrawal, bytes]:
        """Promise that the payer withdraws ``amount`` more; one that is still pending is returned again.

        Parameters
        ----------
        period
            The earliest deadline and the one to choose (seconds since the epoch).

        Raises
        ------
        WithdrawalPending
            One of another amount is pending.
        PenstockError
            As `penstock.protocol.exits.check_withdrawal` and `Signer.sign_withdrawal`.
        """
        record = uow.channels.record(channel_id)
        if record is None:
            raise ChannelNotKept(str(channel_id))
        withdrawn = record.head.payer_withdrawn
        pending = record.promised
        if pending is not None and pending.payer_total > withdrawn:
            if pending.payer_total - withdrawn != amount:
                raise WithdrawalPending(str(channel_id), pending.payer_total - withdrawn, pending.deadline)
            return pending, self.signer.sign_withdrawal(pending)
        earliest, deadline = period
        funds = record.position.funds
        withdrawal = Withdrawal(channel_id, withdrawn + amount, funds.payee_withdrawn, deadline)
        check_withdrawal(self.load(uow, channel_id), withdrawal, earliest, deadline)
        uow.channels.promise(withdrawal)
        return withdrawal, self.signer.sign_withdrawal(withdrawal)

    def sign_close(self, uow: UnitOfWork, channel_id: Bytes32) -> tuple[Close, bytes]:
        """Sign an agreed close at the newest co-signed state; from now on nothing else is signed in the channel.

        Raises
        ------
        PenstockError
            As `penstock.protocol.exits.check_close` and `Signer.sign_close`.
        """
        position = self.load(uow, channel_id)
        close = Close(channel_id, position.base.paid)
        uow.channels.save(check_close(position, close))
        self.signer.note_cosigned(channel_id, position.base.sequence)
        return close, self.signer.sign_close(close)


def jump(highest: int) -> int:
    """Return the number to go on above: 2^31 plus a random number below 2^31 higher, so that no number lost is met."""
    return highest + RECOVERY_JUMP + secrets.randbelow(RECOVERY_JUMP) - 1

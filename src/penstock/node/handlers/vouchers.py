"""Take a payer's voucher (one-way channels)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.node.context import Context, load
from penstock.node.ports import UnitOfWork
from penstock.protocol.messages import SignedVoucher
from penstock.protocol.vouchers import accept_voucher


@dataclass(frozen=True, slots=True)
class VoucherTaken:
    """What is promised in all, and what the confirmed deposit still covers (smallest units)."""

    paid: int
    remaining: int


def submit_voucher(uow: UnitOfWork, context: Context, signed: SignedVoucher) -> VoucherTaken:
    """Keep a higher voucher; the very same one again changes nothing and gets the same answer.

    Raises
    ------
    UnknownChannel, WrongKind, MalformedSignature, HighS, WrongSigner
        Nobody who matters signed it.
    ChannelUnopened, ChannelClosing, ChannelSettled, VoucherNotHigher, VoucherExceedsDeposit
        It pays nothing new, or nothing that could be collected.
    ChainStale, ClosePending
        A close may be on its way.
    """
    position = load(uow, signed.voucher.channel_id)
    after = accept_voucher(position, signed, context.domain)
    if after is not position:
        context.check_view(position.channel_id)
        uow.channels.save(after)
        uow.vouchers.add(signed, context.now())
    return VoucherTaken(signed.voucher.paid, max(0, position.funds.payer_deposit - signed.voucher.paid))

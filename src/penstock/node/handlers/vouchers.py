"""Take a payer's voucher, and collect it on chain (one-way channels)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.node.context import Context, load
from penstock.node.errors import NothingToCollect
from penstock.node.handlers.transactions import enqueue_once
from penstock.node.ports import UnitOfWork
from penstock.node.records import Intent, Transaction
from penstock.protocol.messages import SignedVoucher
from penstock.protocol.position import check_kind
from penstock.protocol.primitives import Bytes32
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


def collect(uow: UnitOfWork, context: Context, channel_id: Bytes32) -> Transaction:
    """Have the newest voucher collected, as far as the deposit covers it; the same total is collected once.

    Raises
    ------
    UnknownChannel, WrongKind
        There are no vouchers in such a channel.
    NothingToCollect
        No voucher pays more than was collected.
    """
    position = load(uow, channel_id)
    check_kind(position, one_way=True, operation="collect")
    paid = position.voucher.voucher.paid if position.voucher else 0
    collected = position.funds.payee_withdrawn
    # The key names what is taken: what a lost deposit left of a voucher is taken after a top-up, in another one.
    total = min(paid, position.funds.payer_deposit)
    if position.voucher is None or total <= collected:
        raise NothingToCollect(str(channel_id), paid, collected)
    data = context.calls.collect(position.channel, position.voucher)
    return enqueue_once(
        uow, context, Intent(f"collect:{channel_id}:{total}", "collect", context.calls.contract, data, channel_id)
    )

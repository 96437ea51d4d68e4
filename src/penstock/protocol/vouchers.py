"""Vouchers of one-way channels: cumulative, signed by the payer (docs/protocol.md, sections 1 and 2)."""

from __future__ import annotations

from dataclasses import replace

from penstock.protocol.encoding import Domain
from penstock.protocol.errors import VoucherExceedsDeposit, VoucherNotHigher
from penstock.protocol.messages import SignedVoucher, Voucher
from penstock.protocol.position import Position, check_channel, check_kind, check_live
from penstock.protocol.primitives import UINT128_MAX, check_range
from penstock.protocol.signatures import check_signer


def highest_paid(position: Position) -> int:
    """Return the total promised so far: the highest voucher, or what was collected if that is more."""
    promised = position.voucher.voucher.paid if position.voucher else 0
    return max(promised, position.funds.payee_withdrawn)


def next_voucher(position: Position, amount: int) -> Voucher:
    """Return the voucher that pays ``amount`` more; the caller persists it with its signature before sending.

    Raises
    ------
    WrongKind, ChannelUnopened, ChannelClosing, ChannelSettled
        Nothing new is signed in this channel.
    AmountOutOfRange, VoucherExceedsDeposit
        The amount cannot be paid.
    """
    check_kind(position, one_way=True, operation="a voucher")
    check_live(position)
    total = highest_paid(position) + check_range(amount, "amount", 1, UINT128_MAX)
    _check_covered(position, total)
    return Voucher(position.channel_id, total)


def accept_voucher(position: Position, signed: SignedVoucher, domain: Domain) -> Position:
    """Return the payee's position with ``signed`` as the highest voucher; the very same one again changes nothing.

    Raises
    ------
    WrongChannel
        It is of another channel.
    WrongKind
        The channel is two-way.
    MalformedSignature, HighS, WrongSigner
        The payer's signer did not sign it.
    ChannelUnopened, ChannelClosing, ChannelSettled
        Nothing new is accepted in this channel.
    VoucherNotHigher, VoucherExceedsDeposit
        It pays nothing new, or more than the confirmed deposit.
    """
    check_kind(position, one_way=True, operation="a voucher")
    check_channel(position, signed.voucher.channel_id)
    check_signer(domain.digest(signed.voucher), signed.payer_signature, position.channel.payer_signer)
    if position.voucher and position.voucher.voucher == signed.voucher:
        return position
    check_live(position)
    highest = highest_paid(position)
    if signed.voucher.paid <= highest:
        raise VoucherNotHigher(signed.voucher.paid, highest)
    _check_covered(position, signed.voucher.paid)
    return replace(position, voucher=signed)


def _check_covered(position: Position, total: int) -> None:
    if total > position.funds.payer_deposit:
        raise VoucherExceedsDeposit(total, position.funds.payer_deposit)

"""Every operation of `Channels` as a transaction of its own, and what it costs."""

from __future__ import annotations

from dataclasses import replace

from bench.gas.chain import (
    BATCH,
    DEPOSIT,
    LATE,
    PAYEE,
    PAYER,
    PAYER_SIGNER,
    STRANGER,
    USDC,
    Figures,
    GasChain,
    gas_chain,
)
from bench.gas.locks import measure_conditions, measure_locks
from penstock.chain import calls
from penstock.chain.tokens import authorization_digest, authorization_nonce
from penstock.protocol.crypto import keccak
from penstock.protocol.messages import Channel, Close, CloseIntent, Voucher, Withdrawal
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import to_compact

_PLAIN = "Plain"
_PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"


def measure() -> Figures:
    """Measure everything on one chain; return gas by name, sorted."""
    figures: Figures = {}
    with gas_chain() as chain:
        for part in (
            _deposits,
            _permits,
            _withdrawals,
            _closes,
            _disputes,
            _vouchers,
            _batches,
            measure_locks,
            measure_conditions,
        ):
            figures |= part(chain)
    return dict(sorted((figures | _sums(figures)).items()))


def _sums(figures: Figures) -> Figures:
    """Return what belongs together: whole lives of channels, and a preimage with the lock that it opens."""
    parts = {
        "life_agreed": ("deposit_open", "close"),
        "life_disputed": ("deposit_open", "start_close", "challenge", "settle"),
        "life_one_way": ("deposit_open_authorization_one_way", "close_one_way"),
        "reveal_and_unlock": ("reveal", "unlock_first"),
    }
    return {name: sum(figures[each] for each in names) for name, names in parts.items()}


def _deposits(chain: GasChain) -> Figures:
    channel = chain.channel(1)
    return {
        "deposit_open": chain.send(PAYER, calls.deposit(channel, DEPOSIT)),
        "deposit_topup": chain.send(PAYER, calls.deposit(channel, DEPOSIT)),
        "deposit_payee_first": chain.send(PAYEE, calls.deposit(channel, DEPOSIT, for_payee=True)),
        "deposit_open_authorization": _gasless(chain, chain.channel(2)),
        "deposit_open_authorization_one_way": _gasless(chain, chain.channel(5, one_way=True)),
    }


def _gasless(chain: GasChain, channel: Channel) -> int:
    salt = Bytes32(keccak(b"salt"))
    digest = authorization_digest(
        chain.domain_of("PlainToken", _PLAIN).separator,
        owner=PAYER.address,
        contract=chain.channels,
        amount=DEPOSIT,
        valid_after=0,
        valid_before=LATE,
        nonce=authorization_nonce(chain.domain.channel_id(channel), salt),
    )
    authorization = calls.Authorization(salt, 0, LATE, PAYER.sign_digest(digest))
    return chain.send(STRANGER, calls.deposit_with_authorization(channel, DEPOSIT, authorization))


def _permits(chain: GasChain) -> Figures:
    """Open two channels by permit; the second one counts, because the first permit of all pays for the nonce's slot."""
    figures = {}
    token = chain.contracts["PermitToken"].address
    for nonce in range(2):
        fields = (PAYER.address, chain.channels, DEPOSIT, nonce, LATE)
        words = (each.to_bytes(32, "big") if isinstance(each, int) else each.rjust(32, b"\0") for each in fields)
        digest = chain.domain_of("PermitToken", _PLAIN).typed(_PERMIT_TYPE, b"".join(words))
        signature = PAYER.sign_digest(digest)
        channel = replace(chain.channel(3 + nonce), token=token)
        for_payee, permit = False, (LATE, signature[64], signature[:32], signature[32:64])
        arguments = (calls.terms(channel), for_payee, DEPOSIT, permit)
        figures["deposit_open_permit"] = chain.call(PAYER, "Channels", "depositWithPermit", *arguments)
    return figures


def _withdrawals(chain: GasChain) -> Figures:
    channel = chain.open(10)
    totals = (("withdraw", 10, 0), ("withdraw_payee_first", 10, 10), ("withdraw_payee_again", 10, 20))
    figures = {}
    for name, payer, payee in totals:
        withdrawal = Withdrawal(chain.domain.channel_id(channel), payer * USDC, payee * USDC, LATE)
        figures[name] = chain.send(STRANGER, calls.withdraw(channel, withdrawal, *chain.sign(withdrawal)))
    return figures


def _closes(chain: GasChain) -> Figures:
    agreed, bare, by_intent = (chain.open(salt) for salt in (20, 21, 22))
    one_way = chain.open(23, one_way=True)
    close = Close(chain.domain.channel_id(agreed), 40 * USDC)
    intent = CloseIntent(chain.domain.channel_id(by_intent), 0, LATE)
    intent_signature = PAYER_SIGNER.sign_digest(chain.domain.digest(intent))
    intended = (calls.terms(by_intent), (intent.min_sequence, intent.deadline), to_compact(intent_signature))
    figures = {
        "close": chain.send(STRANGER, calls.close(agreed, close.paid, *chain.sign(close))),
        "close_one_way": chain.call(PAYEE, "Channels", "closeOneWay", *_collect(chain, one_way, 40 * USDC)),
        "start_close_bare": chain.send(PAYER, calls.start_close(bare)),
        "start_close_by_intent": chain.call(STRANGER, "Channels", "startClose", *intended),
    }
    chain.wait()
    return figures | {"settle_bare": chain.send(STRANGER, calls.settle(bare))}


def _disputes(chain: GasChain) -> Figures:
    channel = chain.open(30)
    stale, newer = chain.signed_state(channel, 1, 10 * USDC), chain.signed_state(channel, 2, 40 * USDC)
    figures = {
        "start_close": chain.send(PAYER, calls.start_close(channel, stale)),
        "challenge": chain.send(STRANGER, calls.challenge(channel, newer)),
    }
    chain.wait()
    return figures | {"settle": chain.send(STRANGER, calls.settle(channel))}


def _vouchers(chain: GasChain) -> Figures:
    channel = chain.open(40, one_way=True)
    return {
        "collect_first": chain.call(STRANGER, "Channels", "collect", *_collect(chain, channel, 10 * USDC)),
        "collect_repeat": chain.call(STRANGER, "Channels", "collect", *_collect(chain, channel, 20 * USDC)),
    }


def _batches(chain: GasChain) -> Figures:
    one_way = [chain.open(100 + n, one_way=True) for n in range(BATCH)]
    two_way = [chain.open(200 + n) for n in range(BATCH)]
    for channel in two_way:
        chain.send(PAYER, calls.start_close(channel, chain.signed_state(channel, 1, 10 * USDC)))
    collects = [_collect(chain, channel, 10 * USDC) for channel in one_way]
    challenges = [
        (calls.terms(channel), *calls.evidence(chain.signed_state(channel, 2, 40 * USDC))) for channel in two_way
    ]
    figures = {
        "collect_many_25_each": chain.call(STRANGER, "Channels", "collectMany", collects) // BATCH,
        "challenge_many_25_each": chain.call(STRANGER, "Channels", "challengeMany", challenges) // BATCH,
    }
    chain.wait()
    settled = chain.call(STRANGER, "Channels", "settleMany", [calls.terms(channel) for channel in two_way])
    return figures | {"settle_many_25_each": settled // BATCH}


def _collect(chain: GasChain, channel: Channel, paid: int) -> tuple[object, ...]:
    """Return the arguments of `collect` for a voucher."""
    voucher = Voucher(chain.domain.channel_id(channel), paid)
    return calls.terms(channel), paid, to_compact(chain.sign(voucher)[0])

"""Calldata for the contract `Channels` and for tokens (docs/protocol.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.chain.abi import UndecodableError
from penstock.chain.artifacts import artifact
from penstock.protocol.errors import PenstockError
from penstock.protocol.locks import Lock
from penstock.protocol.messages import Channel, SignedState, SignedVoucher, State, Withdrawal
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import to_compact


@dataclass(frozen=True, slots=True)
class Authorization:
    """A token transfer signed off chain that funds one channel (EIP-3009).

    Attributes
    ----------
    auth_salt
        Freely chosen; the token's nonce commits to it and to the channel.
    valid_after, valid_before
        Seconds since the epoch; good strictly between them.
    signature
        65 bytes, or whatever the payer's wallet contract takes.
    """

    auth_salt: Bytes32
    valid_after: int
    valid_before: int
    signature: bytes


def deposit(channel: Channel, amount: int, *, for_payee: bool = False) -> bytes:
    """Deposit from the sender's balance; needs an allowance."""
    return _channels("deposit", terms(channel), for_payee, amount)


def deposit_with_authorization(
    channel: Channel, amount: int, authorization: Authorization, *, for_payee: bool = False
) -> bytes:
    """Deposit from the party's balance by its signature (EIP-3009); anyone may send it."""
    signed = (
        bytes(authorization.auth_salt),
        authorization.valid_after,
        authorization.valid_before,
        authorization.signature,
    )
    return _channels("depositWithAuthorization", terms(channel), for_payee, amount, signed)


def withdraw(channel: Channel, withdrawal: Withdrawal, payer_signature: bytes, payee_signature: bytes) -> bytes:
    """Withdraw up to the totals both signed."""
    totals = (withdrawal.payer_total, withdrawal.payee_total, withdrawal.deadline)
    return _channels("withdraw", terms(channel), totals, _signatures(payer_signature, payee_signature))


def collect(channel: Channel, voucher: SignedVoucher) -> bytes:
    """Collect a voucher for the payee."""
    return _channels("collect", terms(channel), voucher.voucher.paid, to_compact(voucher.payer_signature))


def close(channel: Channel, paid: int, payer_signature: bytes, payee_signature: bytes) -> bytes:
    """Close by agreement at ``paid``."""
    return _channels("close", terms(channel), paid, _signatures(payer_signature, payee_signature))


def start_close(channel: Channel, state: SignedState | None = None) -> bytes:
    """Begin the challenge period, with a co-signed state or with what the chain knows; a party or its signer only."""
    if state is None:
        return _channels("startClose", terms(channel))
    return _channels("startClose", terms(channel), *evidence(state))


def challenge(channel: Channel, state: SignedState) -> bytes:
    """Answer a close with a newer co-signed state."""
    return _channels("challenge", terms(channel), *evidence(state))


def challenge_many(items: Sequence[tuple[Channel, SignedState]]) -> bytes:
    """Answer several closes; a bad item is skipped and named in an event."""
    return _channels("challengeMany", [(terms(channel), *evidence(state)) for channel, state in items])


def collect_many(items: Sequence[tuple[Channel, SignedVoucher]]) -> bytes:
    """Collect several vouchers; a bad item is skipped and named in an event."""
    rows = [(terms(c), signed.voucher.paid, to_compact(signed.payer_signature)) for c, signed in items]
    return _channels("collectMany", rows)


def closing(data: bytes) -> Channel | None:
    """Return the channel that calldata to `Channels` would start to close, None if it is something else."""
    function = artifact("Channels").interface.called(data)
    if function is None or function.name != "startClose":
        return None
    try:
        *parties, period, one_way, salt = function.arguments(data)[0]
        payer, payee, payer_signer, payee_signer, token = (Address(bytes.fromhex(each[2:])) for each in parties)
        return Channel(payer, payee, payer_signer, payee_signer, token, period, one_way, salt)
    except (UndecodableError, PenstockError):
        return None


def settle_many(channels: Sequence[Channel]) -> bytes:
    """End several channels; a bad one is skipped and named in an event."""
    return _channels("settleMany", [terms(channel) for channel in channels])


def settle(channel: Channel) -> bytes:
    """Pay both sides once the challenge period is over."""
    return _channels("settle", terms(channel))


def unlock(channel: Channel, lock: Lock, proof: Sequence[Bytes32]) -> bytes:
    """Resolve one lock of a settled channel."""
    return _channels("unlock", terms(channel), *proven(lock, proof))


def claim(token: Address, to: Address) -> bytes:
    """Take the sender's claim."""
    return _channels("claim", str(token), str(to))


def approve(spender: Address, amount: int) -> bytes:
    """Allow ``spender`` to take up to ``amount`` of the sender's tokens."""
    return _token("approve", str(spender), amount)


def transfer(to: Address, amount: int) -> bytes:
    """Send tokens."""
    return _token("transfer", str(to), amount)


def mint(to: Address, amount: int) -> bytes:
    """Make development dollars; the token's deployer only."""
    return _token("mint", str(to), amount)


def _channels(name: str, *arguments: object) -> bytes:
    return artifact("Channels").interface.encode_call(name, *arguments)


def _token(name: str, *arguments: object) -> bytes:
    return artifact("DevUSDC").interface.encode_call(name, *arguments)


def terms(channel: Channel) -> tuple[object, ...]:
    """Return a channel's terms as the contract takes them."""
    return (
        str(channel.payer),
        str(channel.payee),
        str(channel.payer_signer),
        str(channel.payee_signer),
        str(channel.token),
        channel.challenge_period_seconds,
        channel.one_way,
        channel.salt,
    )


def evidence(signed: SignedState) -> tuple[object, object]:
    """Return a co-signed state as the contract takes it: the state and the signatures."""
    return state_values(signed.state), _signatures(signed.payer_signature, signed.payee_signature)


def proven(lock: Lock, proof: Sequence[Bytes32]) -> tuple[object, object]:
    """Return a lock as the contract takes it: the lock and the way to its root."""
    values = (
        bytes(lock.lock_id),
        lock.index,
        lock.amount,
        lock.from_payer,
        lock.expiry,
        str(lock.condition),
        bytes(lock.key),
    )
    return values, [bytes(sibling) for sibling in proof]


def state_values(state: State) -> tuple[object, ...]:
    """Return a state as the contract takes it."""
    return (state.sequence, state.paid, state.payer_locked, state.payee_locked, bytes(state.locks_root))


def _signatures(payer: bytes, payee: bytes) -> tuple[object, object]:
    return to_compact(payer), to_compact(payee)

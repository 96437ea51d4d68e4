"""Two parties with keys, a channel between them, and the signatures they would give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coincurve import PrivateKey

from penstock.protocol.causes import Cause, Pay, apply_causes
from penstock.protocol.encoding import Domain, Message
from penstock.protocol.locks import Lock
from penstock.protocol.messages import Channel, SignedState, SignedVoucher, State, Voucher
from penstock.protocol.onchain import Open
from penstock.protocol.position import Funds, Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.proposals import Proposal, base_digest
from penstock.protocol.signatures import address_of

DOMAIN = Domain(31337, Address(b"\xcc" * 20))
TOKEN = Address(b"\xdd" * 20)
CONDITION = Address(b"\xee" * 20)


@dataclass(frozen=True)
class Party:
    """A key and its address; signs whatever it is told to, as a cheat would."""

    key: PrivateKey

    @classmethod
    def number(cls, n: int) -> Party:
        """Return the ``n``-th test party; the same number gives the same key."""
        return cls(PrivateKey(n.to_bytes(32, "big")))

    @property
    def address(self) -> Address:
        """Return the address of the key."""
        return address_of(self.key.public_key.format(compressed=False)[1:])

    def sign(self, message: Message, domain: Domain = DOMAIN) -> bytes:
        """Sign the message's digest: 65 bytes, low-s."""
        raw = self.key.sign_recoverable(domain.digest(message), hasher=None)
        return raw[:64] + bytes((27 + raw[64],))


PAYER = Party.number(1001)
PAYEE = Party.number(1002)
STRANGER = Party.number(1003)


def cause_id(n: int) -> Bytes32:
    """Return the ``n``-th cause id."""
    return Bytes32(n.to_bytes(32, "big"))


def make_channel(*, one_way: bool = False, salt: int = 1) -> Channel:
    """Return terms between `PAYER` and `PAYEE`."""
    return Channel(
        payer=PAYER.address,
        payee=PAYEE.address,
        payer_signer=PAYER.address,
        payee_signer=PAYEE.address,
        token=TOKEN,
        challenge_period_seconds=3600,
        one_way=one_way,
        salt=salt,
    )


def make_lock(index: int, *, amount: int = 10, from_payer: bool = True) -> Lock:
    """Return a lock that expires at 10000; each index has an id and a key of its own."""
    return Lock(
        lock_id=cause_id(10**6 + index),
        index=index,
        amount=amount,
        from_payer=from_payer,
        expiry=10_000,
        condition=CONDITION,
        key=cause_id(2 * 10**6 + index),
    )


def make_position(*, one_way: bool = False, payer_deposit: int = 1000, payee_deposit: int = 0) -> Position:
    """Return the position of either party in an open channel in which nothing was signed."""
    channel = make_channel(one_way=one_way)
    return Position(DOMAIN.channel_id(channel), channel, Open(), Funds(payer_deposit, payee_deposit))


def co_signed(state: State) -> SignedState:
    """Return the state with both signatures."""
    return SignedState(state, PAYER.sign(state), PAYEE.sign(state))


def with_newest(position: Position, sequence: int, paid: int) -> Position:
    """Return the position after a co-signed state."""
    state = State(position.channel_id, sequence, paid)
    return replace(position, newest=co_signed(state), highest_seen=sequence)


def make_proposal(position: Position, *causes: Cause, sequence: int | None = None, signer: Party = PAYER) -> Proposal:
    """Return a well-formed proposal on the position's newest state; without causes, a payment of 10."""
    chosen = causes or (Pay(cause_id(1), 10),)
    state, _ = apply_causes(position.base, sequence or position.highest_seen + 1, chosen, position.locks)
    return Proposal(base_digest(position, DOMAIN), state, signer.sign(state), chosen)


def make_voucher(position: Position, paid: int, *, signer: Party = PAYER) -> SignedVoucher:
    """Return a voucher over ``paid`` in all."""
    voucher = Voucher(position.channel_id, paid)
    return SignedVoucher(voucher, signer.sign(voucher))

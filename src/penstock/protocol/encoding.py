"""EIP-712 digests laid out by hand: the mirror of contracts/libraries/ChannelHash.sol.

Each encoder writes fixed 32-byte words after a precomputed type hash, which is ten to a hundred times faster than
a general encoder. ``tests/vectors/digests.json`` keeps both mirrors equal, and eth_account's encoder checks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, singledispatchmethod

from penstock.protocol.crypto import keccak
from penstock.protocol.messages import Channel, Close, CloseIntent, Receipt, Request, State, Voucher, Withdrawal
from penstock.protocol.primitives import Address, Bytes32

NAME = "Penstock"
VERSION = "1"

TYPES = {
    "Channel": (
        "Channel(address payer,address payee,address payerSigner,address payeeSigner,address token,"
        "uint32 challengePeriod,bool oneWay,uint88 salt)"
    ),
    "State": (
        "State(bytes32 channelId,uint64 sequence,int128 paid,uint128 payerLocked,uint128 payeeLocked,bytes32 locksRoot)"
    ),
    "Voucher": "Voucher(bytes32 channelId,uint128 paid)",
    "Withdrawal": "Withdrawal(bytes32 channelId,uint128 payerTotal,uint128 payeeTotal,uint64 deadline)",
    "Close": "Close(bytes32 channelId,int128 paid)",
    "CloseIntent": "CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)",
    "Receipt": "Receipt(bytes32 channelId,uint64 sequence,bytes32 digest,uint64 receivedAt)",
    "Request": "Request(string method,string path,uint64 issuedAt)",
}
TYPEHASHES = {name: keccak(text.encode()) for name, text in TYPES.items()}

_DOMAIN_TYPEHASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_CHANNEL = TYPEHASHES["Channel"]
_STATE = TYPEHASHES["State"]
_VOUCHER = TYPEHASHES["Voucher"]
_WITHDRAWAL = TYPEHASHES["Withdrawal"]
_CLOSE = TYPEHASHES["Close"]
_CLOSE_INTENT = TYPEHASHES["CloseIntent"]
_RECEIPT = TYPEHASHES["Receipt"]
_REQUEST = TYPEHASHES["Request"]

Message = State | Voucher | Withdrawal | Close | CloseIntent | Receipt | Request


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _signed_word(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=True)


def _address_word(value: Address) -> bytes:
    return bytes(12) + value


@dataclass(frozen=True)
class Domain:
    """The chain and the contract that every digest is bound to (EIP-712 domain separator; INV-6).

    ``name`` is that of the contract `Channels` unless a condition's is meant.
    """

    chain_id: int
    contract: Address
    name: str = NAME

    def __str__(self) -> str:
        """Return ``chain 1, contract 0x…``."""
        return f"chain {self.chain_id}, contract {self.contract}"

    @cached_property
    def separator(self) -> bytes:
        """Return the 32-byte domain separator."""
        return keccak(
            _DOMAIN_TYPEHASH
            + keccak(self.name.encode())
            + keccak(VERSION.encode())
            + _word(self.chain_id)
            + _address_word(self.contract)
        )

    @cached_property
    def _prefix(self) -> bytes:
        return b"\x19\x01" + self.separator

    def typed(self, type_text: str, encoded: bytes) -> Bytes32:
        """Return the digest of a message that `digest` does not know: its type's text and its fields, encoded."""
        return self._digest(keccak(type_text.encode()) + encoded)

    def _digest(self, encoded: bytes) -> Bytes32:
        return Bytes32(keccak(self._prefix + keccak(encoded)))

    def channel_id(self, channel: Channel) -> Bytes32:
        """Return the channel's id: the digest of its terms."""
        return self._digest(
            _CHANNEL
            + _address_word(channel.payer)
            + _address_word(channel.payee)
            + _address_word(channel.payer_signer)
            + _address_word(channel.payee_signer)
            + _address_word(channel.token)
            + _word(channel.challenge_period_seconds)
            + _word(channel.one_way)
            + _word(channel.salt)
        )

    @singledispatchmethod
    def digest(self, message: Message) -> Bytes32:
        """Return the 32 bytes that are signed for ``message``."""
        raise TypeError(message)

    @digest.register
    def _(self, message: State) -> Bytes32:
        return self._digest(
            _STATE
            + message.channel_id
            + _word(message.sequence)
            + _signed_word(message.paid)
            + _word(message.payer_locked)
            + _word(message.payee_locked)
            + message.locks_root
        )

    @digest.register
    def _(self, message: Voucher) -> Bytes32:
        return self._digest(_VOUCHER + message.channel_id + _word(message.paid))

    @digest.register
    def _(self, message: Withdrawal) -> Bytes32:
        return self._digest(
            _WITHDRAWAL
            + message.channel_id
            + _word(message.payer_total)
            + _word(message.payee_total)
            + _word(message.deadline)
        )

    @digest.register
    def _(self, message: Close) -> Bytes32:
        return self._digest(_CLOSE + message.channel_id + _signed_word(message.paid))

    @digest.register
    def _(self, message: CloseIntent) -> Bytes32:
        return self._digest(_CLOSE_INTENT + message.channel_id + _word(message.min_sequence) + _word(message.deadline))

    @digest.register
    def _(self, message: Receipt) -> Bytes32:
        return self._digest(
            _RECEIPT + message.channel_id + _word(message.sequence) + message.digest + _word(message.received_at)
        )

    @digest.register
    def _(self, message: Request) -> Bytes32:
        return self._digest(
            _REQUEST + keccak(message.method.encode()) + keccak(message.path.encode()) + _word(message.issued_at)
        )

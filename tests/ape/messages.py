"""Penstock's messages as eth_account signs them, with the types as docs/protocol.md writes them.

Nothing here comes from the penstock package: a second opinion on what the contract accepts.
"""

from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

NO_LOCKS = bytes(32)

Compact = tuple[bytes, bytes]


def typed(**fields: str) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields.items()]


STATE = {
    "State": typed(
        channelId="bytes32",
        sequence="uint64",
        paid="int128",
        payerLocked="uint128",
        payeeLocked="uint128",
        locksRoot="bytes32",
    )
}
VOUCHER = {"Voucher": typed(channelId="bytes32", paid="uint128")}
WITHDRAWAL = {"Withdrawal": typed(channelId="bytes32", payerTotal="uint128", payeeTotal="uint128", deadline="uint64")}
CLOSE = {"Close": typed(channelId="bytes32", paid="int128")}
RECEIVE = {
    "ReceiveWithAuthorization": typed(
        **{"from": "address"},
        to="address",
        value="uint256",
        validAfter="uint256",
        validBefore="uint256",
        nonce="bytes32",
    )
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel's terms, its id and the two keys that sign in it."""

    terms: dict[str, Any]
    id: bytes
    domain: dict[str, Any]
    payer_signer: LocalAccount
    payee_signer: LocalAccount

    def state(self, sequence: int, paid: int) -> dict[str, Any]:
        return {"sequence": sequence, "paid": paid, "payerLocked": 0, "payeeLocked": 0, "locksRoot": NO_LOCKS}

    def sign_state(self, state: dict[str, Any]) -> dict[str, Compact]:
        return self._both(STATE, state)

    def sign_close(self, paid: int) -> dict[str, Compact]:
        return self._both(CLOSE, {"paid": paid})

    def sign_withdrawal(self, withdrawal: dict[str, int]) -> dict[str, Compact]:
        return self._both(WITHDRAWAL, withdrawal)

    def sign_voucher(self, paid: int) -> Compact:
        return compact(self.payer_signer, self.domain, VOUCHER, {"channelId": self.id, "paid": paid})

    def _both(self, types: dict[str, Any], message: dict[str, Any]) -> dict[str, Compact]:
        named = {"channelId": self.id, **message}
        return {
            "payer": compact(self.payer_signer, self.domain, types, named),
            "payee": compact(self.payee_signer, self.domain, types, named),
        }


def compact(signer: LocalAccount, domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]) -> Compact:
    """Sign, and give the signature the form of EIP-2098: r, and s with the parity in its top bit."""
    signed = signer.sign_message(encode_typed_data(domain, types, message))
    return signed.r.to_bytes(32, "big"), (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")


def new_key() -> LocalAccount:
    account: LocalAccount = Account.create()
    return account

"""What an endpoint means when it refuses a transaction: nodes agree on the cases, not on the words."""

from __future__ import annotations

from enum import Enum, auto


class Refusal(Enum):
    """Why a signed transaction was not taken."""

    KNOWN = auto()  # it is there already
    NONCE_USED = auto()  # mined, or its nonce taken
    UNDERPRICED = auto()  # it, or the replacement, offers too little
    NO_FUNDS = auto()  # the account cannot pay for the gas
    TOO_MUCH_GAS = auto()  # it takes more gas than it was given
    IN_FLIGHT_LIMIT = auto()  # a delegated account (EIP-7702) has one under way
    OTHER = auto()


# In this order: "replacement transaction underpriced" and the like hold words of more than one case.
_SIGNS: tuple[tuple[Refusal, tuple[str, ...]], ...] = (
    (Refusal.IN_FLIGHT_LIMIT, ("in-flight transaction limit", "delegated account")),
    (Refusal.KNOWN, ("already known", "known transaction", "already imported", "already in the pool", "alreadyexists")),
    (Refusal.NONCE_USED, ("nonce too low", "nonce is too low", "oldnonce", "nonce has already been used")),
    (
        Refusal.UNDERPRICED,
        ("underpriced", "fee too low", "feetoolow", "less than block base fee", "below base fee", "gas price too low"),
    ),
    (Refusal.NO_FUNDS, ("insufficient funds", "insufficientfunds", "insufficient balance")),
    (Refusal.TOO_MUCH_GAS, ("exceeds allowance", "out of gas", "outofgas", "gas limit")),
)


def classify(reason: str) -> Refusal:
    """Return what the endpoint's words mean; `Refusal.OTHER` for words never seen."""
    text = reason.lower()
    return next((meaning for meaning, signs in _SIGNS if any(sign in text for sign in signs)), Refusal.OTHER)

"""Task escrow through ape: the payer locks money, arbiters decide, and everybody's lock on the case follows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount

from tests.ape.conftest import FUNDS
from tests.ape.messages import Channel, compact, new_key, typed

AMOUNT = 40_000_000
DEPOSIT = 100_000_000
TASK_SECONDS = 10 * 86_400
TASK = bytes(31) + b"\x07"
THRESHOLD = 2
VERDICT = {"Verdict": typed(key="bytes32", shareBps="uint16")}


@dataclass(frozen=True, slots=True)
class Escrow:
    """A case before three arbiters, in the order that its key wants, and a settled channel's lock on it."""

    arbitration: Any
    bench: list[LocalAccount]
    lock: dict[str, Any]
    channel: Channel

    def record(self, share_bps: int, sender: Any) -> Any:
        """Record a verdict that the first and the last arbiter sign."""
        domain = self.channel.domain | {
            "name": "Penstock Arbitration",
            "verifyingContract": self.arbitration.address,
        }
        verdict = {"key": self.lock["key"], "shareBps": share_bps}
        signatures = [compact(arbiter, domain, VERDICT, verdict) for arbiter in (self.bench[0], self.bench[2])]
        addresses = [arbiter.address for arbiter in self.bench]
        return self.arbitration.record(addresses, THRESHOLD, TASK, share_bps, signatures, sender=sender)


@pytest.fixture
def escrow(project: Any, channels: Any, terms: Callable[..., Channel], owner: Any, payer: Any, chain: Any) -> Escrow:
    """Give a channel settled with a task's lock pending."""
    arbitration = owner.deploy(project.Arbitration)
    bench = sorted((new_key() for _ in range(3)), key=lambda arbiter: int(arbiter.address, 16))
    lock = {
        "id": TASK,
        "index": 0,
        "amount": AMOUNT,
        "fromPayer": True,
        "expiry": chain.pending_timestamp + TASK_SECONDS,
        "condition": arbitration.address,
        "key": bytes(arbitration.keyOf([arbiter.address for arbiter in bench], THRESHOLD, TASK)),
    }
    channel = terms()
    channels.deposit(channel.terms, False, DEPOSIT, sender=payer)  # noqa: FBT003 - the ABI's forPayee
    state = channel.state(1, 0) | {"payerLocked": AMOUNT, "locksRoot": leaf(lock)}
    channels.startClose(channel.terms, state, channel.sign_state(state), sender=payer)
    chain.pending_timestamp = channels.getChannel(channel.id).deadline
    channels.settle(channel.terms, sender=payer)
    return Escrow(arbitration, bench, lock, channel)


@pytest.mark.parametrize(("share_bps", "paid"), [(10_000, AMOUNT), (2_500, AMOUNT // 4), (0, 0)])
def test_arbiters_accept_refund_in_part_or_reject(
    channels: Any, usdc: Any, escrow: Escrow, payee: Any, stranger: Any, share_bps: int, paid: int
) -> None:
    recorded = escrow.record(share_bps, stranger)
    channels.unlock(escrow.channel.terms, escrow.lock, [], sender=stranger)

    (event,) = recorded.decode_logs(escrow.arbitration.VerdictRecorded)
    assert (event.key, event.shareBps, event.decidedAt) == (escrow.lock["key"], share_bps, recorded.timestamp)
    assert usdc.balanceOf(payee) == FUNDS + paid
    assert usdc.balanceOf(channels) == 0


def test_the_first_verdict_stands(escrow: Escrow, stranger: Any) -> None:
    escrow.record(2_500, stranger)

    with ape.reverts(escrow.arbitration.VerdictStands, standing=2_500, shareBps=10_000):
        escrow.record(10_000, stranger)


def test_without_a_verdict_the_money_goes_back_after_the_expiry(
    channels: Any, usdc: Any, escrow: Escrow, payer: Any, stranger: Any, chain: Any
) -> None:
    with ape.reverts(channels.LockPending):
        channels.unlock(escrow.channel.terms, escrow.lock, [], sender=stranger)
    chain.pending_timestamp = escrow.lock["expiry"] + 1

    channels.unlock(escrow.channel.terms, escrow.lock, [], sender=stranger)

    assert usdc.balanceOf(payer) == FUNDS


def leaf(lock: dict[str, Any]) -> bytes:
    """Return the lock's leaf in OpenZeppelin's standard tree, which is also the root of a tree with one lock."""
    kinds = ["bytes32", "uint8", "uint96", "bool", "uint40", "address", "bytes32"]
    return keccak(keccak(encode(kinds, list(lock.values()))))


def keccak(data: bytes) -> bytes:
    return bytes(ape.networks.provider.web3.keccak(data))

"""A channel's life through ape, as someone who builds on Penstock with ape would drive and test it."""

from collections.abc import Callable
from typing import Any

import ape
import pytest

from tests.ape.conftest import FUNDS, PERIOD_SECONDS
from tests.ape.messages import RECEIVE, Channel, compact, new_key

OPEN, CLOSING, SETTLED = 1, 2, 3
DEPOSIT = 100_000_000

Terms = Callable[..., Channel]


@pytest.fixture
def channel(channels: Any, terms: Terms, payer: Any) -> Channel:
    """Give an open two-way channel that the payer funded."""
    opened = terms()
    channels.deposit(opened.terms, False, DEPOSIT, sender=payer)  # noqa: FBT003 - the ABI's forPayee
    return opened


def test_the_first_deposit_opens_a_channel_and_emits_its_terms(channels: Any, terms: Terms, payer: Any) -> None:
    opened = terms()

    receipt = channels.deposit(opened.terms, False, DEPOSIT, sender=payer)  # noqa: FBT003

    (event,) = receipt.decode_logs(channels.ChannelOpened)
    assert event.channelId == opened.id
    # ape decodes a struct in an event as a bare list, its addresses without checksum.
    assert [str(term).lower() for term in event.channel] == [str(term).lower() for term in opened.terms.values()]
    assert event.payerDeposit == DEPOSIT
    assert channels.getChannel(opened.id).phase == OPEN


def test_a_payer_without_ether_opens_by_authorization(
    channels: Any, usdc: Any, terms: Terms, owner: Any, stranger: Any, chain: Any
) -> None:
    key = new_key()
    usdc.mint(key.address, DEPOSIT, sender=owner)
    gasless = terms()
    gasless.terms["payer"] = key.address
    channel_id = bytes(channels.channelId(gasless.terms))
    salt = bytes(31) + b"\x07"
    valid_before = chain.pending_timestamp + 600
    signed = compact(
        key,
        {"name": "USD Coin", "version": "2", "chainId": chain.chain_id, "verifyingContract": usdc.address},
        RECEIVE,
        {
            "from": key.address,
            "to": channels.address,
            "value": DEPOSIT,
            "validAfter": 0,
            "validBefore": valid_before,
            "nonce": keccak(channel_id + salt),
        },
    )
    authorization = {
        "authSalt": salt,
        "validAfter": 0,
        "validBefore": valid_before,
        "signature": in_65_bytes(signed),
    }

    channels.depositWithAuthorization(gasless.terms, False, DEPOSIT, authorization, sender=stranger)  # noqa: FBT003

    assert channels.getChannel(channel_id).payerDeposit == DEPOSIT
    assert usdc.balanceOf(key.address) == 0


def test_a_stale_close_is_answered_and_the_newest_state_decides(
    channels: Any, usdc: Any, channel: Channel, payer: Any, payee: Any, stranger: Any, chain: Any
) -> None:
    states = [channel.state(sequence, sequence * 1_000) for sequence in range(1, 1_001)]
    stale, newest = states[9], states[-1]

    started = channels.startClose(channel.terms, stale, channel.sign_state(stale), sender=payer)
    deadline = channels.getChannel(channel.id).deadline
    channels.challenge(channel.terms, newest, channel.sign_state(newest), sender=stranger)

    assert started.timestamp + PERIOD_SECONDS == deadline
    assert channels.getChannel(channel.id).deadline == deadline
    with ape.reverts(channels.ChallengePeriodRunning):
        channels.settle(channel.terms, sender=stranger)

    chain.pending_timestamp = deadline
    channels.settle(channel.terms, sender=stranger)

    assert usdc.balanceOf(payee) == FUNDS + 1_000_000
    assert usdc.balanceOf(payer) == FUNDS - 1_000_000
    assert usdc.balanceOf(channels) == 0


def test_an_older_state_does_not_replace_a_newer_one(channels: Any, channel: Channel, payer: Any) -> None:
    newest, older = channel.state(20, 5), channel.state(19, 500)
    channels.startClose(channel.terms, newest, channel.sign_state(newest), sender=payer)

    with ape.reverts(channels.SequenceNotHigher, sequence=19, current=20):
        channels.challenge(channel.terms, older, channel.sign_state(older), sender=payer)


def test_an_update_after_the_period_is_refused(
    channels: Any, channel: Channel, payer: Any, payee: Any, chain: Any
) -> None:
    channels.startClose(channel.terms, sender=payer)
    late = channel.state(5, 500)
    chain.pending_timestamp = channels.getChannel(channel.id).deadline

    with ape.reverts(channels.ChallengePeriodOver):
        channels.challenge(channel.terms, late, channel.sign_state(late), sender=payee)


def test_both_parties_close_by_agreement_at_once(
    channels: Any, usdc: Any, channel: Channel, payer: Any, payee: Any, stranger: Any
) -> None:
    channels.close(channel.terms, 30, channel.sign_close(30), sender=stranger)

    assert channels.getChannel(channel.id).phase == SETTLED
    assert usdc.balanceOf(payee) == FUNDS + 30
    assert usdc.balanceOf(payer) == FUNDS - 30
    with ape.reverts(channels.ChannelNotOpen):
        channels.deposit(channel.terms, False, 1, sender=payer)  # noqa: FBT003


def test_a_withdrawal_works_once(
    channels: Any, usdc: Any, channel: Channel, payee: Any, stranger: Any, chain: Any
) -> None:
    withdrawal = {"payerTotal": 0, "payeeTotal": 40, "deadline": chain.pending_timestamp + 60}
    signatures = channel.sign_withdrawal(withdrawal)

    channels.withdraw(channel.terms, withdrawal, signatures, sender=stranger)

    assert usdc.balanceOf(payee) == FUNDS + 40
    with ape.reverts(channels.NothingToWithdraw):
        channels.withdraw(channel.terms, withdrawal, signatures, sender=stranger)


def test_a_one_way_channel_is_collected_and_the_rest_returned(
    channels: Any, usdc: Any, terms: Terms, payer: Any, payee: Any, stranger: Any, chain: Any
) -> None:
    one_way = terms(one_way=True)
    channels.deposit(one_way.terms, False, DEPOSIT, sender=payer)  # noqa: FBT003

    channels.collect(one_way.terms, 200, one_way.sign_voucher(200), sender=stranger)
    channels.startClose(one_way.terms, sender=payer)
    channels.collect(one_way.terms, 350, one_way.sign_voucher(350), sender=stranger)
    chain.pending_timestamp = channels.getChannel(one_way.id).deadline
    channels.settle(one_way.terms, sender=stranger)

    assert usdc.balanceOf(payee) == FUNDS + 350
    assert usdc.balanceOf(payer) == FUNDS - 350


def test_a_blacklisted_counterparty_does_not_hold_up_settlement(
    channels: Any, usdc: Any, channel: Channel, owner: Any, payer: Any, payee: Any, stranger: Any
) -> None:
    usdc.setBlacklisted(payer, True, sender=owner)  # noqa: FBT003

    channels.close(channel.terms, 30, channel.sign_close(30), sender=stranger)

    assert usdc.balanceOf(payee) == FUNDS + 30
    assert channels.claims(usdc, payer) == DEPOSIT - 30
    channels.claim(usdc, stranger, sender=payer)
    assert usdc.balanceOf(stranger) == DEPOSIT - 30


def test_a_third_party_that_holds_a_state_cannot_force_a_close(channels: Any, channel: Channel, stranger: Any) -> None:
    state = channel.state(5, 500)

    with ape.reverts(channels.NotParty, caller=stranger.address):
        channels.startClose(channel.terms, state, channel.sign_state(state), sender=stranger)


def keccak(data: bytes) -> bytes:
    return bytes(ape.networks.provider.web3.keccak(data))


def in_65_bytes(signed: tuple[bytes, bytes]) -> bytes:
    r, vs = signed
    parity = vs[0] >> 7
    return r + bytes([vs[0] & 0x7F]) + vs[1:] + bytes([27 + parity])

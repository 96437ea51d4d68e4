"""Calldata out, logs and errors in: checked against web3's own encoder and against the contract's layout."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from web3 import Web3

from penstock.chain import calls
from penstock.chain.artifacts import artifact
from penstock.chain.contracts import decode_log
from penstock.chain.errors import ImplausibleLogs
from penstock.chain.reverts import explain
from penstock.chain.rpc import Log
from penstock.protocol import onchain
from penstock.protocol.messages import Channel, SignedState, State, Withdrawal
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import to_compact
from tests.support.parties import DOMAIN, PAYEE, PAYER, co_signed, make_channel, make_position, make_voucher

CHANNEL = make_channel()
CHANNEL_ID = DOMAIN.channel_id(CHANNEL)
STATE = co_signed(State(CHANNEL_ID, 3, -7, 1, 2, Bytes32(b"\x09" * 32)))


def selector(signature: str) -> bytes:
    return bytes(Web3.keccak(text=signature)[:4])


def terms(channel: Channel) -> tuple[object, ...]:
    accounts = (channel.payer, channel.payee, channel.payer_signer, channel.payee_signer, channel.token)
    return (*(str(a) for a in accounts), channel.challenge_period_seconds, channel.one_way, channel.salt)


def signatures(signed: SignedState) -> tuple[object, object]:
    return to_compact(signed.payer_signature), to_compact(signed.payee_signature)


TERMS = "(address,address,address,address,address,uint32,bool,uint88)"
STATE_TYPE = "(uint64,int128,uint128,uint128,bytes32)"
SIGNATURES = "((bytes32,bytes32),(bytes32,bytes32))"
STATE_VALUES = (3, -7, 1, 2, b"\x09" * 32)


def test_the_two_ways_to_start_a_close_are_told_apart() -> None:
    bare = selector(f"startClose({TERMS})") + encode([TERMS], [terms(CHANNEL)])
    with_state = selector(f"startClose({TERMS},{STATE_TYPE},{SIGNATURES})") + encode(
        [TERMS, STATE_TYPE, SIGNATURES], [terms(CHANNEL), STATE_VALUES, signatures(STATE)]
    )

    assert calls.start_close(CHANNEL) == bare
    assert calls.start_close(CHANNEL, STATE) == with_state


def test_overloads_with_as_many_parameters_are_told_apart_by_what_goes_in() -> None:
    intent, signature = (5, 1_800_000_000), (b"\x01" * 32, b"\x02" * 32)
    by_intent = selector(f"startClose({TERMS},(uint64,uint64),(bytes32,bytes32))") + encode(
        [TERMS, "(uint64,uint64)", "(bytes32,bytes32)"], [terms(CHANNEL), intent, signature]
    )

    assert artifact("Channels").interface.encode_call("startClose", terms(CHANNEL), intent, signature) == by_intent


def test_a_challenge_and_a_collection_are_laid_out_as_the_contract_reads_them() -> None:
    voucher = make_voucher(make_position(one_way=True), 55)

    assert calls.challenge(CHANNEL, STATE) == selector(f"challenge({TERMS},{STATE_TYPE},{SIGNATURES})") + encode(
        [TERMS, STATE_TYPE, SIGNATURES], [terms(CHANNEL), STATE_VALUES, signatures(STATE)]
    )
    assert calls.collect(CHANNEL, voucher) == selector(f"collect({TERMS},uint128,(bytes32,bytes32))") + encode(
        [TERMS, "uint128", "(bytes32,bytes32)"], [terms(CHANNEL), 55, to_compact(voucher.payer_signature)]
    )


def test_a_withdrawal_carries_its_totals_and_both_signatures() -> None:
    withdrawal = Withdrawal(CHANNEL_ID, 5, 6, 7)
    payer, payee = PAYER.sign(withdrawal), PAYEE.sign(withdrawal)

    data = calls.withdraw(CHANNEL, withdrawal, payer, payee)

    kinds = [TERMS, "(uint128,uint128,uint64)", SIGNATURES]
    values = [terms(CHANNEL), (5, 6, 7), (to_compact(payer), to_compact(payee))]
    assert data == selector(f"withdraw({','.join(kinds)})") + encode(kinds, values)


def log_of(name: str, data: bytes, *indexed: bytes) -> Log:
    topic = artifact("Channels").interface.event(name).topic
    padded = tuple(value.rjust(32, b"\0") for value in indexed)
    return Log(9, Bytes32(b"\x01" * 32), Bytes32(b"\x02" * 32), 4, (topic, CHANNEL_ID, *padded), data)


def test_every_event_about_a_channel_is_understood() -> None:
    state = State(CHANNEL_ID, 3, -7, 1, 2, Bytes32(b"\x09" * 32))
    opened = encode([TERMS, "uint96", "uint96"], [terms(CHANNEL), 8, 0])
    expected = {
        log_of("ChannelOpened", opened, CHANNEL.payer, CHANNEL.payee): onchain.ChannelOpened(CHANNEL_ID, CHANNEL, 8, 0),
        log_of("Deposited", encode(["uint96", "uint96"], [8, 9])): onchain.Deposited(CHANNEL_ID, 8, 9),
        log_of("Withdrawn", encode(["uint96", "uint96"], [1, 2])): onchain.Withdrawn(CHANNEL_ID, 1, 2),
        log_of("Collected", encode(["uint96"], [3])): onchain.Collected(CHANNEL_ID, 3),
        log_of("ClosingStarted", encode(["uint40"], [77])): onchain.ClosingStarted(CHANNEL_ID, 77),
        log_of("Challenged", encode([STATE_TYPE], [STATE_VALUES])): onchain.Challenged(CHANNEL_ID, state),
        log_of("Closed", encode(["uint96", "uint96"], [1, 2])): onchain.Closed(CHANNEL_ID, 1, 2),
        log_of("Settled", encode(["uint96"] * 4, [1, 2, 3, 4])): onchain.Settled(CHANNEL_ID, 1, 2, 3, 4),
    }

    place = onchain.EventRef(9, Bytes32(b"\x01" * 32), Bytes32(b"\x02" * 32), 4)
    assert [decode_log(log) for log in expected] == [(place, event) for event in expected.values()]


def test_events_that_are_not_about_a_channel_are_left_out() -> None:
    claim = replace(log_of("Deposited", b""), topics=(artifact("Channels").interface.event("Claimed").topic,))
    unknown = replace(claim, topics=(b"\x55" * 32,))

    assert decode_log(claim) is None
    assert decode_log(unknown) is None
    assert decode_log(replace(claim, topics=())) is None


@pytest.mark.parametrize("data", [b"", bytes(31), b"\xff" * 64])
def test_a_log_that_is_not_laid_out_as_the_contract_does_is_refused(data: bytes) -> None:
    with pytest.raises(ImplausibleLogs, match="block 9"):
        decode_log(log_of("Deposited", data))


def test_a_log_with_a_topic_missing_is_refused() -> None:
    log = log_of("Deposited", encode(["uint96", "uint96"], [8, 9]))

    with pytest.raises(ImplausibleLogs):
        decode_log(replace(log, topics=log.topics[:1]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no reason given"),
        (selector("Error(string)") + encode(["string"], ["too late"]), "too late"),
        (selector("Panic(uint256)") + encode(["uint256"], [0x11]), "Panic(code=0x11)"),
        (
            selector("NotParty(address)") + encode(["address"], [str(PAYER.address)]),
            f"NotParty(caller={PAYER.address})",
        ),
        (selector("TokenPaused()"), "TokenPaused()"),
        (
            selector("TooFewSignatures(uint256,uint8)") + encode(["uint256", "uint8"], [1, 2]),
            "TooFewSignatures(signatures=1, threshold=2)",
        ),
        (selector("NotParty(address)") + b"\x01", "an unknown error 0x"),
        (b"\x01\x02\x03\x04", "an unknown error 0x01020304"),
        (b"\x01", "an unknown error 0x01"),
    ],
)
def test_a_revert_is_put_into_words(data: bytes, words: str) -> None:
    assert explain(data).startswith(words)

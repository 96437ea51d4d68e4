"""A watcher tells the chain exactly what the chain needs to hear, and no more (docs/protocol.md, section 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol.errors import MalformedSignature, WrongChannel, WrongKind, WrongSigner
from penstock.protocol.messages import SignedState, SignedVoucher, State
from penstock.protocol.onchain import Challenged as ChallengedEvent
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Unopened, apply
from penstock.protocol.onchain import Collected as CollectedEvent
from penstock.protocol.settlement import settle
from penstock.protocol.watch_policy import (
    Challenge,
    Collect,
    Settle,
    check_evidence,
    decide,
    is_newer,
    receipt_for,
)
from tests.support.parties import (
    DOMAIN,
    PAYEE,
    PAYER,
    STRANGER,
    co_signed,
    make_channel,
    make_position,
    make_voucher,
)

DEADLINE = 10_000
TWO_WAY = make_position()
ONE_WAY = make_position(one_way=True)


def state(sequence: int, paid: int = 0) -> State:
    return State(TWO_WAY.channel_id, sequence, paid)


def unsigned(sequence: int, paid: int = 0) -> SignedState:
    return SignedState(state(sequence, paid), b"", b"")


def closing(sequence: int, *, deposit: int = 1000, collected: int = 0) -> OnChain:
    return OnChain(Closing(DEADLINE, state(sequence)), payer_deposit=deposit, payee_withdrawn=collected)


# Decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Unopened(), Open(), Ended(1, 2)])
@pytest.mark.parametrize("evidence", [unsigned(7), make_voucher(ONE_WAY, 7)])
def test_nothing_is_done_unless_the_channel_is_closing(
    phase: Unopened | Open | Ended, evidence: SignedState | SignedVoucher
) -> None:
    assert decide(OnChain(phase, payer_deposit=1000), evidence, DEADLINE) is None


def test_a_stale_close_is_challenged_with_the_newer_state() -> None:
    newer = unsigned(11)

    assert decide(closing(10), newer, DEADLINE - 1) == Challenge(newer, DEADLINE)


@pytest.mark.parametrize("disputed", [11, 12])
def test_a_close_with_the_same_or_a_newer_state_is_left_alone(disputed: int) -> None:
    assert decide(closing(disputed), unsigned(11), DEADLINE - 1) is None


def test_a_voucher_that_pays_more_than_was_collected_is_collected() -> None:
    voucher = make_voucher(ONE_WAY, 300)

    assert decide(closing(0, collected=299), voucher, DEADLINE - 1) == Collect(voucher, DEADLINE)


@pytest.mark.parametrize(("deposit", "collected"), [(1000, 300), (1000, 301), (200, 200)])
def test_a_voucher_that_pays_nothing_more_is_left_alone(deposit: int, collected: int) -> None:
    onchain = closing(0, deposit=deposit, collected=collected)

    assert decide(onchain, make_voucher(ONE_WAY, 300), DEADLINE - 1) is None


@pytest.mark.parametrize("late", [0, 1, 10**6])
@pytest.mark.parametrize("evidence", [unsigned(7), make_voucher(ONE_WAY, 7)])
def test_from_the_deadline_on_the_channel_is_settled(evidence: SignedState | SignedVoucher, late: int) -> None:
    assert decide(closing(0), evidence, DEADLINE + late) == Settle()


# Evidence -------------------------------------------------------------------------------------------------------


def test_the_first_evidence_and_higher_evidence_is_newer() -> None:
    assert is_newer(unsigned(1), None)
    assert is_newer(unsigned(2), unsigned(1))
    assert is_newer(make_voucher(ONE_WAY, 2), make_voucher(ONE_WAY, 1))


def test_equal_and_lower_evidence_is_not_newer() -> None:
    assert not is_newer(unsigned(2, paid=1), unsigned(2, paid=5))
    assert not is_newer(unsigned(1), unsigned(2))
    assert not is_newer(make_voucher(ONE_WAY, 2), make_voucher(ONE_WAY, 2))
    assert not is_newer(make_voucher(ONE_WAY, 1), make_voucher(ONE_WAY, 2))


def test_evidence_of_one_kind_never_replaces_the_other() -> None:
    assert not is_newer(unsigned(9), make_voucher(ONE_WAY, 1))
    assert not is_newer(make_voucher(ONE_WAY, 9), unsigned(1))


def test_a_co_signed_state_and_a_signed_voucher_are_evidence() -> None:
    check_evidence(TWO_WAY.channel, co_signed(state(3, 30)), DOMAIN)
    check_evidence(ONE_WAY.channel, make_voucher(ONE_WAY, 30), DOMAIN)


def test_a_half_signed_state_is_no_evidence() -> None:
    with pytest.raises(MalformedSignature, match="0 bytes"):
        check_evidence(TWO_WAY.channel, replace(co_signed(state(3)), payee_signature=b""), DOMAIN)


def test_swapped_signatures_are_no_evidence() -> None:
    swapped = SignedState(state(3), PAYEE.sign(state(3)), PAYER.sign(state(3)))

    with pytest.raises(WrongSigner):
        check_evidence(TWO_WAY.channel, swapped, DOMAIN)


def test_a_strangers_signature_is_no_evidence() -> None:
    with pytest.raises(WrongSigner):
        check_evidence(TWO_WAY.channel, replace(co_signed(state(3)), payee_signature=STRANGER.sign(state(3))), DOMAIN)
    with pytest.raises(WrongSigner):
        check_evidence(ONE_WAY.channel, make_voucher(ONE_WAY, 30, signer=STRANGER), DOMAIN)


def test_evidence_of_another_channel_is_refused() -> None:
    with pytest.raises(WrongChannel):
        check_evidence(make_channel(salt=2), co_signed(state(3)), DOMAIN)
    with pytest.raises(WrongChannel):
        check_evidence(make_channel(one_way=True, salt=2), make_voucher(ONE_WAY, 30), DOMAIN)


def test_evidence_of_the_other_kind_is_refused() -> None:
    with pytest.raises(WrongKind, match="a state does not exist on a one-way channel"):
        check_evidence(make_channel(one_way=True), co_signed(state(3)), DOMAIN)
    with pytest.raises(WrongKind, match="a voucher does not exist on a two-way channel"):
        check_evidence(make_channel(), make_voucher(ONE_WAY, 30), DOMAIN)


def test_a_receipt_names_the_sequence_and_the_digest() -> None:
    signed = co_signed(state(3, 30))
    voucher = make_voucher(ONE_WAY, 30)

    of_state = receipt_for(signed, 77, DOMAIN)
    of_voucher = receipt_for(voucher, 78, DOMAIN)

    assert (of_state.channel_id, of_state.sequence, of_state.received_at) == (TWO_WAY.channel_id, 3, 77)
    assert of_state.digest == DOMAIN.digest(signed.state)
    assert (of_voucher.channel_id, of_voucher.sequence, of_voucher.received_at) == (ONE_WAY.channel_id, 0, 78)
    assert of_voucher.digest == DOMAIN.digest(voucher.voucher)


# Whole disputes -------------------------------------------------------------------------------------------------

amounts = st.integers(0, 1000)
block_times = st.lists(st.integers(1, 4000), min_size=1, max_size=8)


@given(
    held=st.integers(1, 50),
    paid=amounts,
    others=st.lists(st.integers(1, 49), max_size=6),
    steps=block_times,
)
def test_inv_4_whatever_the_other_party_submits_the_newest_state_decides(
    held: int, paid: int, others: list[int], steps: list[int]
) -> None:
    """The watcher's answer lands one block after the close; others challenge before and after it as they like."""
    evidence = unsigned(held, paid)
    onchain = closing(0)
    time = DEADLINE - 4001

    for step in steps:
        action = decide(onchain, evidence, time)
        if isinstance(action, Challenge) and time < DEADLINE:
            onchain = apply(onchain, ChallengedEvent(TWO_WAY.channel_id, action.evidence.state))
        assert isinstance(onchain.phase, Closing)
        higher = [n for n in others if n > onchain.phase.state.sequence]
        if higher:
            onchain = apply(onchain, ChallengedEvent(TWO_WAY.channel_id, state(higher[0])))
        time += step

    assert isinstance(onchain.phase, Closing)
    assert onchain.phase.state.sequence >= held
    if onchain.phase.state.sequence == held:
        assert settle(onchain, onchain.phase.state).payee_paid == paid


@given(voucher=st.integers(1, 2000), deposit=st.integers(1, 1000), collected=amounts, topped_up=amounts)
def test_inv_10_one_collect_brings_all_that_the_deposit_covers_and_no_second_one_follows(
    voucher: int, deposit: int, collected: int, topped_up: int
) -> None:
    evidence = make_voucher(ONE_WAY, voucher)
    onchain = closing(0, deposit=deposit + topped_up, collected=min(collected, deposit))

    action = decide(onchain, evidence, DEADLINE - 1)

    due = min(voucher, onchain.payer_deposit)
    assert isinstance(action, Collect) == (due > onchain.payee_withdrawn)
    if action:
        after = apply(onchain, CollectedEvent(ONE_WAY.channel_id, due))
        assert decide(after, evidence, DEADLINE - 1) is None


@given(sequence=st.integers(0, 60), held=st.integers(1, 60), time=st.integers(0, 2 * DEADLINE))
def test_a_decision_says_the_same_until_the_chain_moves(sequence: int, held: int, time: int) -> None:
    """Intents are keyed by the decision, so the same view must give the same one."""
    first = decide(closing(sequence), unsigned(held), time)
    again = decide(closing(sequence), unsigned(held), time)

    assert first == again
    assert isinstance(first, Settle) == (time >= DEADLINE)

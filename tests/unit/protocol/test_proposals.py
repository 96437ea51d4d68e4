"""The payee co-signs exactly what follows, and names what does not (docs/protocol.md, section 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.protocol.causes import Pay, Refund
from penstock.protocol.errors import (
    AmountOutOfRange,
    BalanceExceeded,
    CauseAltered,
    CauseNotIssued,
    CauseRepeated,
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    CloseSigned,
    Equivocation,
    NoCauses,
    SequenceTooFar,
    SequenceTooLow,
    StateMismatch,
    TooManyCauses,
    UnknownBase,
    WrongKind,
    WrongSigner,
)
from penstock.protocol.messages import SignedState, State
from penstock.protocol.onchain import Closing, Ended, Unopened
from penstock.protocol.position import Funds
from penstock.protocol.primitives import UINT128_MAX, Bytes32
from penstock.protocol.proposals import (
    CAUSES_MAX,
    CauseRecords,
    Proposal,
    accept,
    check_authentic,
    complete,
    propose,
    refuse,
)
from tests.support.parties import (
    DOMAIN,
    PAYEE,
    PAYER,
    STRANGER,
    cause_id,
    co_signed,
    make_position,
    make_proposal,
    with_newest,
)

NOTHING = CauseRecords(frozenset(), {})


def resigned(proposal: Proposal, state: State) -> Proposal:
    return replace(proposal, state=state, signature=PAYER.sign(state))


def test_a_payment_becomes_the_newest_state() -> None:
    position = make_position()
    proposal = make_proposal(position, Pay(cause_id(1), 10))

    after = accept(position, proposal, NOTHING, DOMAIN)

    assert after.newest == SignedState(proposal.state, proposal.signature)
    assert (after.base.paid, after.highest_seen) == (10, 1)


def test_the_payee_may_pay_back_more_than_it_got_from_its_own_deposit() -> None:
    position = make_position(payee_deposit=50)
    refund = Refund(cause_id(1), 50)

    after = accept(
        position, make_proposal(position, refund), CauseRecords(frozenset(), {refund.cause_id: refund}), DOMAIN
    )

    assert after.base.paid == -50


def test_a_stranger_s_signature_is_named() -> None:
    position = make_position()

    with pytest.raises(WrongSigner):
        check_authentic(position, make_proposal(position, signer=STRANGER), None, DOMAIN)


def test_the_same_proposal_again_only_wants_its_answer() -> None:
    position = make_position()
    proposal = make_proposal(position)

    assert check_authentic(position, proposal, proposal.state, DOMAIN)
    assert not check_authentic(position, proposal, None, DOMAIN)


def test_a_second_state_at_one_sequence_is_equivocation() -> None:
    position = make_position()
    first = make_proposal(position, Pay(cause_id(1), 10))
    second = make_proposal(position, Pay(cause_id(2), 11))

    with pytest.raises(Equivocation) as caught:
        check_authentic(position, second, first.state, DOMAIN)

    assert caught.value.signed == DOMAIN.digest(first.state)


def test_states_do_not_exist_on_a_one_way_channel() -> None:
    position = make_position(one_way=True)

    with pytest.raises(WrongKind):
        check_authentic(position, make_proposal(position), None, DOMAIN)


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_a_used_number_is_refused(sequence: int) -> None:
    position = replace(with_newest(make_position(), 2, 5), highest_seen=3)

    with pytest.raises(SequenceTooLow):
        accept(position, make_proposal(position, sequence=sequence), NOTHING, DOMAIN)


def test_numbers_may_skip_but_not_too_far() -> None:
    position = make_position()

    assert accept(position, make_proposal(position, sequence=2**32), NOTHING, DOMAIN).highest_seen == 2**32
    with pytest.raises(SequenceTooFar):
        accept(position, make_proposal(position, sequence=2**32 + 1), NOTHING, DOMAIN)


def test_another_base_than_the_newest_is_refused() -> None:
    position = with_newest(make_position(), 4, 40)
    proposal = replace(make_proposal(position), base=Bytes32(b"\x01" * 32))

    with pytest.raises(UnknownBase) as caught:
        accept(position, proposal, NOTHING, DOMAIN)

    assert caught.value.sequence == 4


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("paid", {"paid": 9}),
        ("paid", {"paid": 11}),
        ("payer_locked", {"payer_locked": 1}),
        ("payee_locked", {"payee_locked": 1}),
        ("locks_root", {"locks_root": Bytes32(b"\x02" * 32)}),
        ("channel_id", {"channel_id": Bytes32(b"\x03" * 32)}),
    ],
)
def test_a_state_that_its_causes_do_not_give_is_refused(field: str, change: dict[str, object]) -> None:
    position = make_position()
    proposal = make_proposal(position, Pay(cause_id(1), 10))
    twisted = resigned(proposal, replace(proposal.state, **change))  # type: ignore[arg-type]

    with pytest.raises(StateMismatch) as caught:
        accept(position, twisted, NOTHING, DOMAIN)

    assert caught.value.field == field


def test_causes_are_needed_and_bounded() -> None:
    position = make_position()
    one = make_proposal(position)
    many = tuple(Pay(cause_id(n), 1) for n in range(257))

    with pytest.raises(NoCauses):
        accept(position, replace(one, causes=()), NOTHING, DOMAIN)
    with pytest.raises(TooManyCauses):
        accept(position, make_proposal(position, *many), NOTHING, DOMAIN)


def test_a_cause_applies_once() -> None:
    position = make_position()
    pay = Pay(cause_id(1), 10)

    with pytest.raises(CauseRepeated):
        accept(position, make_proposal(position, pay, pay), NOTHING, DOMAIN)
    with pytest.raises(CauseRepeated):
        accept(position, make_proposal(position, pay), CauseRecords(frozenset({pay.cause_id}), {}), DOMAIN)


def test_a_refund_is_taken_only_as_the_payee_issued_it() -> None:
    position = with_newest(make_position(), 1, 100)
    issued = Refund(cause_id(7), 30)
    records = CauseRecords(frozenset(), {issued.cause_id: issued})

    assert accept(position, make_proposal(position, issued), records, DOMAIN).base.paid == 70
    with pytest.raises(CauseNotIssued):
        accept(position, make_proposal(position, Refund(cause_id(8), 30)), records, DOMAIN)
    with pytest.raises(CauseAltered):
        accept(position, make_proposal(position, Refund(cause_id(7), 31)), records, DOMAIN)


def test_neither_party_spends_more_than_its_free_balance() -> None:
    position = make_position(payer_deposit=100)
    refund = Refund(cause_id(1), 1)

    assert accept(position, make_proposal(position, Pay(cause_id(1), 100)), NOTHING, DOMAIN).payer_spendable == 0
    with pytest.raises(BalanceExceeded) as caught:
        accept(position, make_proposal(position, Pay(cause_id(1), 101)), NOTHING, DOMAIN)
    assert caught.value.values() == {"party": "payer", "available": "100", "requested": "101"}
    with pytest.raises(BalanceExceeded, match="payee"):
        accept(position, make_proposal(position, refund), CauseRecords(frozenset(), {refund.cause_id: refund}), DOMAIN)


@pytest.mark.parametrize("amount", [0, -1, UINT128_MAX + 1])
def test_an_amount_out_of_range_is_no_cause(amount: int) -> None:
    with pytest.raises(AmountOutOfRange):
        Pay(cause_id(1), amount)


def test_paid_stays_within_int128() -> None:
    position = with_newest(make_position(), 1, 2**127 - 1)

    with pytest.raises(AmountOutOfRange):
        propose(position, [Pay(cause_id(1), 1)], DOMAIN)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"phase": Unopened()}, ChannelUnopened),
        ({"phase": Closing(9, State(Bytes32(bytes(32)), 0, 0))}, ChannelClosing),
        ({"phase": Ended(1, 2)}, ChannelSettled),
        ({"close_paid": 0}, CloseSigned),
    ],
)
def test_nothing_new_is_signed_in_a_channel_that_is_not_open(change: dict[str, object], error: type[Exception]) -> None:
    position = make_position()
    stopped = replace(position, **change)  # type: ignore[arg-type]

    with pytest.raises(error):
        accept(stopped, make_proposal(position), NOTHING, DOMAIN)
    with pytest.raises(error):
        propose(stopped, [Pay(cause_id(1), 1)], DOMAIN)


def test_a_refused_number_is_remembered_unless_it_is_wild() -> None:
    position = make_position()

    assert refuse(position, make_proposal(position, sequence=9)).highest_seen == 9
    assert refuse(position, make_proposal(position, sequence=2**40)) == position
    assert refuse(replace(position, highest_seen=12), make_proposal(position, sequence=9)).highest_seen == 12


def test_a_proposal_counts_as_possibly_final_until_a_higher_state_is_co_signed() -> None:
    position = make_position(payer_deposit=100)

    first, unsigned = propose(position, [Pay(cause_id(1), 60)], DOMAIN)
    second, next_unsigned = propose(first, [Pay(cause_id(2), 10)], DOMAIN)
    done = complete(second, co_signed(next_unsigned.state), DOMAIN)

    assert (unsigned.state.paid, next_unsigned.state.paid) == (60, 10)
    assert (first.payer_spendable, second.payer_spendable, done.payer_spendable) == (40, 40, 90)
    assert done.unanswered == ()


def test_an_answer_signed_by_somebody_else_is_not_believed() -> None:
    position, unsigned = propose(make_position(), [Pay(cause_id(1), 60)], DOMAIN)
    state = unsigned.state

    for signed in (
        SignedState(state, PAYER.sign(state), STRANGER.sign(state)),
        SignedState(state, STRANGER.sign(state), PAYEE.sign(state)),
    ):
        with pytest.raises(WrongSigner):
            complete(position, signed, DOMAIN)


def test_older_news_changes_nothing() -> None:
    position = with_newest(make_position(), 5, 50)

    assert complete(position, co_signed(State(position.channel_id, 4, 40)), DOMAIN) == position


def test_both_sides_refuse_what_is_too_much_or_comes_twice() -> None:
    position = make_position(payer_deposit=10_000)
    many = [Pay(cause_id(n), 1) for n in range(CAUSES_MAX + 1)]

    with pytest.raises(TooManyCauses):
        propose(position, many, DOMAIN)
    with pytest.raises(CauseRepeated):
        propose(position, [many[0], many[0]], DOMAIN)
    propose(position, many[1:], DOMAIN)


def test_a_refund_helps_a_payer_whose_deposit_a_reorg_took() -> None:
    position = replace(with_newest(make_position(), 1, 100), funds=Funds(payer_deposit=50, payee_deposit=10))
    refund = Refund(cause_id(5), 20)
    records = CauseRecords(frozenset(), {refund.cause_id: refund})

    after = accept(position, make_proposal(position, refund), records, DOMAIN)

    assert (after.funds.payer_free(after.base), after.funds.payee_free(after.base)) == (-30, 90)
    with pytest.raises(BalanceExceeded):
        accept(position, make_proposal(position, Pay(cause_id(6), 1)), NOTHING, DOMAIN)

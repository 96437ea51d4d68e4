"""What was signed stays signed: repeats, restarts, restored backups, a stale view of the chain."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from penstock.node.errors import ChainStale, RecordsBehindMark
from penstock.node.handlers.states import CoSigned, Refused, submit_state
from penstock.protocol.causes import Pay, Refund
from penstock.protocol.errors import BelowMark, SignerClosed
from penstock.protocol.messages import Close, State, Withdrawal
from penstock.protocol.onchain import Closing, Ended
from penstock.protocol.primitives import ZERO_WORD
from penstock.protocol.proposals import Proposal, complete
from penstock.protocol.wire import SignedStateJson, StateJson, signed_state_from_json
from tests.support.bodies import problem, submit
from tests.support.nodes import NodeWorld, new_node
from tests.support.parties import DOMAIN, PAYEE, cause_id, make_proposal


def run(world: NodeWorld, proposal: Proposal) -> CoSigned | Refused:
    return world.database.run_sync(lambda uow: submit_state(uow, world.node.context, proposal))


def pay(world: NodeWorld, proposal: Proposal) -> CoSigned:
    reply = run(world, proposal)
    assert isinstance(reply, CoSigned)
    return reply


def test_the_answer_convinces_the_payer(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()

    answer = submit(http, make_proposal(position)).json()

    shape = answer["state"]
    signed = signed_state_from_json(
        position.channel_id,
        SignedStateJson(StateJson(**shape["state"]), shape["payerSignature"], shape["payeeSignature"]),
    )
    assert complete(position, signed, DOMAIN).base.paid == 10
    assert signed.payee_signature == PAYEE.sign(signed.state)


def test_what_was_co_signed_is_in_the_records_with_its_causes(world: NodeWorld) -> None:
    position = world.open()
    first = make_proposal(position, Pay(cause_id(1), 10), Pay(cause_id(2), 20))

    signed = pay(world, first).signed

    after = world.position(position.channel_id)
    (record,) = world.database.read_sync(lambda uow: uow.states.history(position.channel_id, None, 10))
    assert (after.newest, after.highest_seen) == (signed, 1)
    assert (record.signed, record.causes, record.base) == (signed, first.causes, ZERO_WORD)
    assert world.signer.mark(position.channel_id).cosigned == 1


@pytest.mark.parametrize("phase", [Closing(1_800_003_600, State(ZERO_WORD, 0, 0)), Ended(990, 10)])
def test_the_same_proposal_gets_its_co_signature_again_after_a_close(world: NodeWorld, phase: Closing | Ended) -> None:
    proposal = make_proposal(world.open())
    first = pay(world, proposal)
    world.set_phase(proposal.state.channel_id, phase)
    world.clock.now += 1000

    again = pay(world, proposal)

    assert again.repeated
    assert again.signed == first.signed


def test_an_older_proposal_gets_its_co_signature_again(world: NodeWorld) -> None:
    position = world.open()
    first = make_proposal(position)
    signed = pay(world, first).signed
    pay(world, make_proposal(world.position(position.channel_id), Pay(cause_id(2), 5)))

    assert pay(world, first).signed == signed


def test_a_close_that_vanishes_unfreezes_the_channel(world: NodeWorld) -> None:
    position = world.open()
    opened = position.phase
    world.set_phase(position.channel_id, Closing(1_800_003_600, State(ZERO_WORD, 0, 0)))
    assert isinstance(run(world, make_proposal(position)), Refused)

    world.set_phase(position.channel_id, opened)

    assert pay(world, make_proposal(world.position(position.channel_id))).signed.state.sequence == 2


def test_nothing_new_is_signed_while_the_chain_s_head_is_old(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()
    first = make_proposal(position)
    pay(world, first)
    waiting = make_proposal(world.position(position.channel_id), Pay(cause_id(2), 5))
    world.clock.now += 61
    before = world.records()

    response = submit(http, waiting)

    assert problem(response, 503, "chain-stale")["values"] == {"lag_seconds": "61", "maximum_seconds": "60"}
    assert response.headers["retry-after"] == "2"
    assert world.records() == before
    assert submit(http, first).status_code == 200
    world.clock.now -= 30
    assert submit(http, waiting).status_code == 200


def test_a_node_that_never_saw_the_chain_signs_nothing(world: NodeWorld) -> None:
    world.node.context.head.block = None

    with pytest.raises(ChainStale):
        run(world, make_proposal(world.open()))


def test_waiting_refunds_come_with_every_answer(world: NodeWorld) -> None:
    position = world.open()
    refund = Refund(cause_id(9), 4)
    first = make_proposal(position)
    pay(world, first)
    world.database.run_sync(lambda uow: uow.causes.issue(position.channel_id, refund))

    told = pay(world, first)
    applied = pay(world, make_proposal(world.position(position.channel_id), refund))

    assert told.refunds == (refund,)
    assert (applied.refunds, applied.signed.state.paid) == ((), 6)


def test_after_a_signed_close_nothing_else_is_signed(world: NodeWorld) -> None:
    position = world.open()
    world.signer.sign_close(Close(position.channel_id, 0))

    with pytest.raises(SignerClosed):
        run(world, make_proposal(position))


# The signer's mark outlives the records -----------------------------------------------------------------------------


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    with new_node(tmp_path) as world:
        proposal = make_proposal(world.open())
        signed = pay(world, proposal).signed

    with new_node(tmp_path) as world:
        assert pay(world, proposal).signed == signed
        follower = make_proposal(world.position(proposal.state.channel_id), Pay(cause_id(2), 5))
        assert pay(world, follower).signed.state.sequence == 2


def test_a_signature_whose_commit_failed_is_given_again(world: NodeWorld) -> None:
    proposal = make_proposal(world.open())
    # The process died after the mark was written and before the records were.
    signature = world.signer.sign_state(proposal.state, cosigned=True)

    assert pay(world, proposal).signed.payee_signature == signature


def test_another_state_at_the_number_of_a_lost_commit_is_not_signed(world: NodeWorld) -> None:
    position = world.open()
    world.signer.sign_state(make_proposal(position).state, cosigned=True)

    with pytest.raises(RecordsBehindMark):
        run(world, make_proposal(position, Pay(cause_id(2), 5)))


@pytest.mark.parametrize("sequence", [2, 3, 4])
def test_a_restored_backup_cannot_take_money_back(tmp_path: Path, sequence: int) -> None:
    with new_node(tmp_path) as world:
        position = world.open()
        pay(world, make_proposal(position))
    shutil.copy(tmp_path / "node.db", tmp_path / "backup.db")
    with new_node(tmp_path) as world:
        for number in (2, 3):
            pay(world, make_proposal(world.position(position.channel_id), Pay(cause_id(number), 100)))
    shutil.copy(tmp_path / "backup.db", tmp_path / "node.db")

    with new_node(tmp_path) as world:
        stale = make_proposal(world.position(position.channel_id), Pay(cause_id(7), 1), sequence=sequence)
        with pytest.raises((RecordsBehindMark, BelowMark)):
            run(world, stale)


def test_a_restored_backup_cannot_forget_a_promised_withdrawal(world: NodeWorld) -> None:
    position = world.open(payer_deposit=100)
    world.signer.sign_withdrawal(Withdrawal(position.channel_id, 60, 0, world.node.context.now() + 600))

    assert isinstance(run(world, make_proposal(position, Pay(cause_id(1), 41))), Refused)
    affordable = make_proposal(world.position(position.channel_id), Pay(cause_id(1), 40))
    assert pay(world, affordable).signed.state.paid == 40


def test_a_full_disk_signs_nothing(world: NodeWorld, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal = make_proposal(world.open())
    before = world.records()

    def fail() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.database._writer, "_barrier", fail)  # noqa: SLF001 (where a disk fails)
    problem(submit(http, proposal), 503, "storage-unavailable")
    assert world.records() == before
    monkeypatch.undo()

    assert submit(http, proposal).status_code == 200


def test_one_proposal_a_hundred_times_at_once_is_co_signed_once(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()
    proposal = make_proposal(position)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: submit(http, proposal).text, range(100)))

    assert len(answers) == 1
    assert world.position(position.channel_id).highest_seen == 1

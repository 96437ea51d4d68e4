"""Every look at the chain sends what is missing, once, however often it is repeated or interrupted."""

from __future__ import annotations

import pytest

from penstock.chain import calls
from penstock.node.records import Priority
from penstock.protocol.messages import State
from penstock.protocol.onchain import Closed
from penstock.protocol.primitives import Bytes32
from penstock.watcher.budget import BudgetSettings
from tests.integration.watcher.world import PERIOD, World, challenged, collected, settled
from tests.support.parties import DOMAIN, TOKEN, co_signed, make_channel, make_position, make_voucher

pytestmark = pytest.mark.anyio

TWO_WAY = make_channel()
TWO_WAY_ID = DOMAIN.channel_id(TWO_WAY)
NEWEST = co_signed(State(TWO_WAY_ID, 11, 110))
ONE_WAY = make_channel(one_way=True)
ONE_WAY_ID = DOMAIN.channel_id(ONE_WAY)
VOUCHER = make_voucher(make_position(one_way=True), 300)

CHALLENGE = f"challenge:{TWO_WAY_ID}:11"
COLLECT = f"collect:{ONE_WAY_ID}:300"


async def disputed(world: World, sequence: int = 10) -> int:
    await world.open(TWO_WAY)
    await world.take(TWO_WAY, NEWEST)
    return await world.start_close(TWO_WAY_ID, sequence)


async def test_an_open_channel_needs_nothing(world: World) -> None:
    await world.open(TWO_WAY)
    await world.take(TWO_WAY, NEWEST)
    await world.block()

    assert world.keys() == []


async def test_a_stale_close_is_answered_in_the_block_that_shows_it(world: World) -> None:
    deadline = await disputed(world)

    (sent,) = world.transactions()
    assert sent.intent.key == CHALLENGE
    assert (sent.intent.purpose, sent.intent.deadline) == ("challenge", deadline)
    assert (sent.intent.receiver, sent.intent.data) == (DOMAIN.contract, calls.challenge(TWO_WAY, NEWEST))


async def test_a_close_with_the_newest_state_needs_no_answer(world: World) -> None:
    await disputed(world, sequence=11)

    assert world.keys() == []


async def test_deciding_again_sends_nothing_again(world: World) -> None:
    await disputed(world)
    for _ in range(5):
        await world.block()
    world.restart()
    await world.block()

    assert world.keys() == [CHALLENGE]


async def test_a_challenge_that_is_mined_is_waited_for(world: World) -> None:
    await disputed(world)
    world.mine(CHALLENGE)
    for _ in range(3):
        await world.block(seconds=100)

    assert world.keys() == [CHALLENGE]


async def test_once_the_answer_is_on_chain_the_margin_is_measured(world: World) -> None:
    deadline = await disputed(world)
    head = await world.block(challenged(TWO_WAY_ID, 11))

    assert world.keys() == [CHALLENGE]
    assert world.metrics.registry.get_sample_value("penstock_watcher_challenges_sent_total") == 1
    margin = world.metrics.registry.get_sample_value("penstock_watcher_challenge_margin_seconds_sum")
    assert margin == deadline - head.time
    blocks = world.metrics.registry.get_sample_value("penstock_watcher_challenge_margin_blocks_sum")
    assert blocks == (deadline - head.time) // 12


async def test_what_someone_else_answered_is_left_alone(world: World) -> None:
    await disputed(world)
    world.mine(CHALLENGE, failure="SequenceNotHigher(11, 11)")
    await world.block(challenged(TWO_WAY_ID, 11), seconds=100)
    await world.block(seconds=100)

    assert world.keys() == [CHALLENGE]


async def test_a_confirmed_answer_that_a_deep_reorg_undid_is_sent_again(world: World) -> None:
    await disputed(world)
    world.mine(CHALLENGE)
    await world.block(challenged(TWO_WAY_ID, 11))
    world.confirm(CHALLENGE)

    await world.block(depth=1)

    assert world.keys() == [CHALLENGE, f"{CHALLENGE}:2"]


@pytest.mark.parametrize("end", ["failed", "reverted"])
async def test_an_answer_that_failed_is_sent_again_under_the_next_key(world: World, end: str) -> None:
    await disputed(world)
    if end == "failed":
        world.fail(CHALLENGE)
    else:
        world.mine(CHALLENGE, failure="out of gas")
    await world.block()
    assert world.keys() == [CHALLENGE, f"{CHALLENGE}:2"]

    world.fail(f"{CHALLENGE}:2")
    await world.block(seconds=1)
    assert len(world.keys()) == 2, "the next try waits a little"
    await world.block()
    assert world.keys()[2:] == [f"{CHALLENGE}:3"]


async def test_a_revert_in_a_block_not_yet_followed_is_not_judged(world: World) -> None:
    await disputed(world)
    world.number += 1
    world.mine(CHALLENGE, failure="SequenceNotHigher(11, 11)")
    world.number -= 1
    await world.look()

    assert world.keys() == [CHALLENGE]


async def test_newer_evidence_in_the_middle_of_a_dispute_is_sent_at_once(world: World) -> None:
    await disputed(world)

    await world.take(TWO_WAY, co_signed(State(TWO_WAY_ID, 12, 120)))

    assert world.keys() == [CHALLENGE, f"challenge:{TWO_WAY_ID}:12"]


async def test_first_evidence_that_comes_after_the_close_is_sent_at_once(world: World) -> None:
    await world.open(TWO_WAY)
    await world.start_close(TWO_WAY_ID)

    await world.take(TWO_WAY, NEWEST)

    assert world.keys() == [CHALLENGE]


async def test_a_close_that_a_reorg_removed_is_forgotten_and_seen_again(world: World) -> None:
    await disputed(world)
    await world.block(depth=1)
    world.fail(CHALLENGE)
    await world.block()
    assert world.keys() == [CHALLENGE]

    await world.start_close(TWO_WAY_ID, 9)
    assert world.keys() == [CHALLENGE, f"{CHALLENGE}:2"]


async def test_after_the_deadline_the_channel_is_settled_once(world: World) -> None:
    await disputed(world)
    await world.block(challenged(TWO_WAY_ID, 11))
    await world.block(seconds=PERIOD)
    await world.block()
    assert world.keys() == [CHALLENGE, f"settle:{TWO_WAY_ID}"]
    assert world.transactions()[1].intent.data == calls.settle(TWO_WAY)

    await world.block(settled(TWO_WAY_ID))
    await world.block(seconds=1000)
    assert len(world.keys()) == 2


async def test_a_settlement_that_failed_is_tried_again(world: World) -> None:
    await disputed(world, sequence=11)
    await world.block(seconds=PERIOD)
    world.fail(f"settle:{TWO_WAY_ID}")
    await world.block()
    await world.block()

    assert world.keys() == [f"settle:{TWO_WAY_ID}", f"settle:{TWO_WAY_ID}:2"]


async def test_an_agreed_close_ends_the_watch(world: World) -> None:
    await disputed(world)
    world.fail(CHALLENGE)
    await world.block(Closed(TWO_WAY_ID, 890, 110), seconds=100)
    await world.block(seconds=PERIOD)

    assert world.keys() == [CHALLENGE]


async def test_a_missed_deadline_is_counted(world: World) -> None:
    await disputed(world)
    await world.block(seconds=PERIOD)

    assert world.metrics.registry.get_sample_value("penstock_watcher_deadlines_missed_total") == 1


async def test_an_answer_that_is_seen_after_the_deadline_is_not_a_missed_one(world: World) -> None:
    await disputed(world)
    await world.block(challenged(TWO_WAY_ID, 11), seconds=PERIOD)

    assert world.metrics.registry.get_sample_value("penstock_watcher_deadlines_missed_total") == 0
    assert world.metrics.registry.get_sample_value("penstock_watcher_challenge_margin_seconds_count") == 1


async def test_a_voucher_is_collected_before_a_one_way_deadline_and_settled_after_it(world: World) -> None:
    await world.open(ONE_WAY)
    await world.take(ONE_WAY, VOUCHER)
    deadline = await world.start_close(ONE_WAY_ID)
    (sent,) = world.transactions()
    assert (sent.intent.key, sent.intent.purpose, sent.intent.deadline) == (COLLECT, "collect", deadline)
    assert sent.intent.data == calls.collect(ONE_WAY, VOUCHER)

    await world.block(collected(ONE_WAY_ID, 300))
    await world.block(seconds=PERIOD)
    assert world.keys() == [COLLECT, f"settle:{ONE_WAY_ID}"]


async def test_a_voucher_that_was_collected_already_is_left_alone(world: World) -> None:
    await world.open(ONE_WAY)
    await world.take(ONE_WAY, VOUCHER)
    await world.block(collected(ONE_WAY_ID, 300))
    await world.start_close(ONE_WAY_ID)

    assert world.keys() == []


async def test_channels_without_evidence_are_left_alone(world: World) -> None:
    channel_id = await world.open(make_channel(salt=99))
    await world.start_close(channel_id)

    assert world.keys() == []


async def many_disputed(world: World, number: int) -> list[Bytes32]:
    """Open so many channels, and close all of them with a stale state in one block."""
    channels = [make_channel(salt=1000 + n) for n in range(number)]
    ids = [DOMAIN.channel_id(channel) for channel in channels]
    for channel, channel_id in zip(channels, ids, strict=True):
        await world.open(channel)
        await world.take(channel, co_signed(State(channel_id, 11, 110)))
    events = [event for channel_id in ids for event in world.closing(channel_id, sequence=10)]
    await world.block(*events)
    return ids


async def test_a_hundred_stale_closes_in_one_block_are_answered_by_two_transactions(world: World) -> None:
    ids = await many_disputed(world, 100)

    sent = world.transactions()
    assert [t.intent.purpose for t in sent] == ["challenge", "challenge"]
    assert [t.intent.data[:4] for t in sent] == [calls.challenge_many([])[:4]] * 2
    for channel_id in ids:
        assert len(world.tries(f"challenge:{channel_id}:11", channel_id)) == 1
    await world.block()
    assert len(world.keys()) == 2


async def test_what_a_batch_left_out_is_sent_again_alone(world: World) -> None:
    left_out, *others = await many_disputed(world, 3)
    (batch,) = world.keys()
    world.mine(batch)
    await world.block(*(challenged(channel_id, 11) for channel_id in others))
    world.confirm(batch)
    await world.block(seconds=10)

    assert world.keys() == [batch, f"challenge:{left_out}:11:2"]


async def test_only_trusted_tokens_are_settled_together(world: World) -> None:
    ids = await many_disputed(world, 3)
    await world.block(*(challenged(channel_id, 11) for channel_id in ids), seconds=PERIOD)
    alone = world.keys()[1:]
    assert sorted(alone) == sorted(f"settle:{channel_id}" for channel_id in ids)


async def test_trusted_tokens_are_settled_together(world: World) -> None:
    world.trust(TOKEN)
    ids = await many_disputed(world, 3)
    await world.block(*(challenged(channel_id, 11) for channel_id in ids), seconds=PERIOD)

    _, batch = world.transactions()
    assert batch.intent.purpose == "settle"
    assert batch.intent.data == calls.settle_many([make_channel(salt=1000 + n) for n in range(3)])


async def test_what_an_answer_may_cost_follows_what_is_at_stake(world: World) -> None:
    world.trust(budgets=BudgetSettings(10**12, 10**17, 50, {TOKEN: 10**6}))
    await disputed(world)  # 110 units, which are 110 millionths of an ether

    (sent,) = world.transactions()
    assert sent.intent.budget == 55 * 10**12
    assert sent.intent.priority is Priority.URGENT

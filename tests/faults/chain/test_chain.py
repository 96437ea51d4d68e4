"""Faults of the chain: reorgs, evictions, fees, censorship, foreign transactions, time."""

from __future__ import annotations

from dataclasses import replace

from penstock.chain import calls
from penstock.node.records import Intent, TransactionStatus
from tests.faults.chain.conftest import MakeWorld
from tests.faults.chain.world import BLOCK_SECONDS, ETHER, GWEI, World


def set_base_fee(world: World, fee: int) -> None:
    world.proxy.ask("anvil_setNextBlockBaseFeePerGas", hex(fee))


def test_f14_reorg_of_1_drops_a_deposit(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3)
        world.proxy.returns_after_reorg = False
        await world.ticks(1)
        world.proxy.reorg(1)
        world.proxy.pool.clear()
        await world.ticks(3)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f15_reorg_of_2_to_64_drops_a_challenge(world: World) -> None:
    async def play(world: World) -> None:
        world.add(2, blocks=150)
        await world.ticks(world.random.randrange(2, 40))
        world.proxy.returns_after_reorg = world.random.random() < 0.5
        depth = world.random.randrange(2, 65)
        world.proxy.reorg(depth)
        await world.ticks(2)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f17_another_transaction_takes_our_nonce_in_a_reorg(world: World) -> None:
    async def play(world: World) -> None:
        nonce = world.nonce
        world.add(3)
        await world.ticks(2)
        world.proxy.returns_after_reorg = False
        world.proxy.reorg(2)
        world.proxy.pool.clear()
        world.foreign(nonce + world.random.randrange(2))
        world.foreign_nonces = 1
        await world.ticks(12)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f18_eviction(world: World) -> None:
    async def play(world: World) -> None:
        world.add(5)
        for _ in range(6):
            await world.steps()
            world.proxy.evict(0.7)
            world.proxy.mine()

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f19_a_queued_one_dropped_leaving_a_gap(world: World) -> None:
    async def play(world: World) -> None:
        nonce = world.nonce
        world.add(4)
        await world.steps()
        world.proxy.pool.pop((str(world.account.address).lower(), nonce + world.random.randrange(4)))
        world.proxy.mine()
        await world.ticks(3)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f20_base_fee_times_50_in_flight(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3, blocks=40)
        await world.steps()
        set_base_fee(world, 50 * GWEI)
        world.proxy.mine()
        await world.ticks(20, lambda: set_base_fee(world, 50 * GWEI))
        assert all(world.stored(intent).outcome for intent in world.intents)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f21_base_fee_times_9_8_per_block_up_to_the_deadline(world: World) -> None:
    async def play(world: World) -> None:
        world.add(2, blocks=35)
        fee = GWEI
        for _ in range(34):
            fee = fee * 9 // 8
            set_base_fee(world, fee)
            await world.ticks(1)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f22_fee_over_budget_until_3_blocks_before_it(world: World) -> None:
    async def play(world: World) -> None:
        (intent,) = world.add(1, blocks=30, budget=ETHER // 200)
        deadline = intent.deadline or 0
        while world.time < deadline - 3 * BLOCK_SECONDS:
            set_base_fee(world, 400 * GWEI)
            await world.ticks(1)
        set_base_fee(world, 40 * GWEI)
        while world.time < deadline:
            await world.ticks(1, lambda: set_base_fee(world, 40 * GWEI))

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f23_our_sender_censored_in_all_but_2_blocks_of_the_window(world: World) -> None:
    async def play(world: World) -> None:
        window = 30
        world.add(2, blocks=window)
        open_ = set(world.random.sample(range(1, window - 1), 2))
        for n in range(window - 1):
            world.proxy.censored = n not in open_
            await world.ticks(1)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f24_full_blocks(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3, blocks=60)

        def fill() -> None:
            world.proxy.full = world.random.random() < 0.8

        await world.ticks(40, fill)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f25_mined_but_reverted(world: World) -> None:
    balance = world.chain.balance(world.account.address)

    async def play(world: World) -> None:
        first, second = (
            Intent(
                f"spend:{n}", "transfer", world.chain.token, calls.transfer(world.chain.contract, balance - 1000 - n)
            )
            for n in range(2)
        )
        world.database.run_sync(lambda uow: [uow.transactions.add(i, 0) for i in (first, second)])
        await world.steps()
        world.proxy.mine()
        await world.ticks(4)
        found = {t.intent.key: t for t in world.all_stored()}
        assert found["spend:0"].status is TransactionStatus.CONFIRMED
        assert found["spend:1"].status is TransactionStatus.REVERTED
        assert "ERC20InsufficientBalance" in (found["spend:1"].failure or "")

    world.run(play)


def test_f26_gas_limit_too_low_after_the_state_changed(world: World) -> None:
    async def play(world: World) -> None:
        # Estimated for a receiver that has tokens; by the time it is mined it has none, which costs more.
        settings = replace(world.settings, gas_margin_percent=0)
        world.settings = settings
        world.restart()
        (intent,) = world.add(1)
        await world.steps()
        assert world.stored(intent).signed is not None
        world.proxy.mine()
        await world.ticks(5)

    world.run(play)
    assert all(t.status in (TransactionStatus.CONFIRMED, TransactionStatus.REVERTED) for t in world.all_stored())


def test_f27_sender_out_of_gas_money_later_refilled(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3)
        world.proxy.ask("anvil_setBalance", str(world.account.address), hex(world.random.randrange(10**14)))
        await world.ticks(5)
        world.proxy.ask("anvil_setBalance", str(world.account.address), hex(100 * ETHER))

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f28_a_foreign_transaction_from_our_key(world: World) -> None:
    async def play(world: World) -> None:
        world.add(2)
        await world.steps()
        world.foreign(world.nonce + world.random.randrange(3))
        world.foreign_nonces = 1
        await world.ticks(10)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f29_one_in_flight_only(world: World) -> None:
    async def play(world: World) -> None:
        world.proxy.one_in_flight = True
        world.proxy.ask("anvil_setCode", str(world.account.address), "0xef0100" + bytes(world.chain.token).hex())
        world.add(4)
        await world.ticks(12)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f30_no_blocks_for_half_the_window(world: World) -> None:
    async def play(world: World) -> None:
        window = 30
        world.add(2, blocks=window)
        await world.steps(3)
        world.proxy.censored = True
        world.proxy.mine(seconds=window // 2 * BLOCK_SECONDS)
        world.proxy.censored = False
        await world.ticks(5)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f31_time_jumps_a_day(world: World) -> None:
    async def play(world: World) -> None:
        world.add(2)
        world.add(1, blocks=100)
        await world.steps()
        world.proxy.censored = True
        world.proxy.mine(seconds=86_400)
        world.proxy.censored = False
        await world.ticks(8)

    world.run(play)
    first, second, late = world.intents[:3]
    assert world.confirmed(first, second)
    assert world.stored(late).status is TransactionStatus.CANCELLED


def test_many_accounts_share_the_work_under_all_of_these(make_world: MakeWorld) -> None:
    world = make_world(accounts=3)

    async def play(world: World) -> None:
        world.add(9, blocks=60)
        for _ in range(40):
            chance = world.random.random()
            if chance < 0.15:
                world.proxy.returns_after_reorg = world.random.random() < 0.5
                world.proxy.reorg(world.random.randrange(1, 6))
            elif chance < 0.3:
                world.proxy.evict(0.5)
            elif chance < 0.5:
                set_base_fee(world, world.random.randrange(1, 30) * GWEI)
            world.proxy.censored = world.random.random() < 0.2
            await world.ticks(1)

    world.run(play)
    assert world.confirmed(*world.intents)

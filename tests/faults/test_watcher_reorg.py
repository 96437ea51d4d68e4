"""F15, F16: reorgs undo closes, challenges and settlements, or swap them, and the newest state decides all the same."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.rpc import Rpc
from penstock.protocol.onchain import Closing, Ended, OnChain, Open
from tests.support.anvil import USDC, Anvil, Chain, deploy, run_anvil
from tests.support.disputes import CHALLENGE_PERIOD_SECONDS, Pair, make_pair
from tests.support.miner import Miner, mining
from tests.support.watching import WatcherProcess, new_watcher, until

CHANNELS = 6
REORGS = 25
DEPTH_MAX = 12
NEWEST = (9, 7 * USDC)


@pytest.fixture
def chain() -> Iterator[Chain]:
    with run_anvil() as anvil:
        yield deploy(anvil)


@pytest.mark.timeout(180)
def test_f15_a_watcher_s_challenges_and_settlements_are_dropped(chain: Chain, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    pairs = open_channels(chain)
    with new_watcher(chain, tmp_path) as watcher:
        # No reorg reaches the deposits, nor the watcher's gas money.
        chain.anvil.mine(DEPTH_MAX)
        answer_through_reorgs(chain, watcher, pairs, chance)
        check_money(chain, pairs)
        check_nonces(watcher)


@pytest.mark.timeout(120)
def test_f16_reorg_swaps_close_and_challenge(chain: Chain, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    pair = open_channels(chain, 1)[0]
    anvil = chain.anvil
    anvil.mine(DEPTH_MAX)
    anvil.automine(enabled=False)
    with new_watcher(chain, tmp_path) as watcher:
        watcher.start()
        watcher.give(pair.channel, pair.state(*NEWEST))
        close = anvil.publish(pair.payer, chain.contract, calls.start_close(pair.channel, pair.state(1, USDC)))
        anvil.mine()
        closed_in = anvil.height
        until(lambda: int(anvil.rpc("txpool_status")["pending"], 16) > 0, "the challenge is in the pool")
        anvil.mine()
        assert is_answered(pair)
        (challenge,) = anvil.rpc("eth_getBlockByNumber", "latest", False)["transactions"]  # noqa: FBT003
        swapped = [(raw_of(anvil, challenge), 0), (raw_of(anvil, str(close)), 1)]
        anvil.mine(chance.randrange(1, 6))

        anvil.rpc("anvil_reorg", anvil.height - closed_in + 1, swapped)

        assert isinstance(state_of(pair).phase, Closing)
        assert not is_answered(pair)
        with mining(anvil) as miner:
            until(lambda: is_answered(pair), "the close is answered again", 60)
            anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
            until(lambda: isinstance(state_of(pair).phase, Ended), "the channel is settled", 60)
            miner.stop()
        watcher.kill()
        check_money(chain, [pair])
        check_nonces(watcher)


def raw_of(anvil: Anvil, transaction_hash: str) -> str:
    raw: str = anvil.rpc("eth_getRawTransactionByHash", transaction_hash)
    return raw


def answer_through_reorgs(chain: Chain, watcher: WatcherProcess, pairs: list[Pair], chance: random.Random) -> None:
    """Have the watcher answer and settle everything while blocks come and go."""
    with mining(chain.anvil) as miner:
        watcher.start()
        for pair in pairs:
            watcher.give(pair.channel, pair.state(*NEWEST))

        reorganise(miner, pairs, chance)
        until(lambda: all(is_answered(pair) for pair in pairs), "all closes are answered", 60)
        # Time has passed for good: no reorg reaches the block with which it did.
        chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
        chain.anvil.mine(DEPTH_MAX)
        settle_through_reorgs(miner, pairs, chance)
        watcher.kill()


def open_channels(chain: Chain, number: int = CHANNELS) -> list[Pair]:
    pair = make_pair(chain, deposit=0)
    pairs = [replace(pair, channel=replace(pair.channel, salt=salt)) for salt in range(number)]
    for each in pairs:
        each.deposit(10 * USDC)
    return pairs


def reorganise(miner: Miner, pairs: list[Pair], chance: random.Random) -> None:
    """Start closes, undo blocks, and start again what was undone, as an obstinate payer does."""
    for _ in range(REORGS):
        start_closes(pairs, chance)
        time.sleep(chance.uniform(0, 0.4))
        miner.reorg(chance.randint(1, DEPTH_MAX))
    start_closes(pairs, chance)


def start_closes(pairs: list[Pair], chance: random.Random) -> None:
    for pair in pairs:
        if isinstance(state_of(pair).phase, Open):
            stale = pair.state(chance.randint(1, 8), chance.randint(0, 5 * USDC))
            pair.send(calls.start_close(pair.channel, chance.choice((None, stale))))


def settle_through_reorgs(miner: Miner, pairs: list[Pair], chance: random.Random) -> None:
    """Undo settlements, not the closes themselves."""
    for _ in range(3):
        until(lambda: all(isinstance(state_of(pair).phase, Ended) for pair in pairs), "all channels are settled", 60)
        miner.reorg(chance.randint(1, 2))
    until(lambda: all(isinstance(state_of(pair).phase, Ended) for pair in pairs), "all channels are settled", 60)


def state_of(pair: Pair) -> OnChain:
    async def work(rpc: Rpc) -> OnChain:
        return await ChannelsContract(rpc, pair.chain.domain).get_channel(pair.channel_id)

    return pair.chain.run(work)  # type: ignore[no-any-return]


def is_answered(pair: Pair) -> bool:
    phase = state_of(pair).phase
    return isinstance(phase, Closing) and phase.state.sequence == NEWEST[0]


def check_money(chain: Chain, pairs: list[Pair]) -> None:
    owed = NEWEST[1] * len(pairs)
    assert chain.balance(pairs[0].payee.address) == owed
    assert chain.balance(pairs[0].payer.address) == 1_000 * USDC - owed
    assert chain.balance(chain.contract) == 0


def check_nonces(watcher: WatcherProcess) -> None:
    """The account's nonces have no gap, and nothing is left in flight."""
    used = sorted(r.signed.nonce for r in watcher.transactions() if r.signed)
    count = int(watcher.chain.anvil.rpc("eth_getTransactionCount", str(watcher.account.address), "latest"), 16)
    assert used == list(range(count))

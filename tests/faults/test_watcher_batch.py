"""F33: a hundred stale closes at once are answered by a handful of transactions."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.chain import calls
from penstock.protocol.onchain import Closing
from tests.faults.test_watcher_reorg import state_of
from tests.support.anvil import Chain, deploy, run_anvil
from tests.support.disputes import Pair, make_pair
from tests.support.miner import mining
from tests.support.watching import new_watcher, until

CHANNELS = 100
NEWEST = (9, 7)
GAS = 200_000


@pytest.mark.timeout(240)
def test_f33_a_hundred_stale_closes_at_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with run_anvil() as anvil:
        chain = deploy(anvil)
        pairs = open_channels(chain)
        anvil.automine(enabled=False)
        with new_watcher(chain, tmp_path) as watcher, mining(anvil):
            watcher.start()
            for pair in pairs:
                watcher.give(pair.channel, pair.state(*NEWEST))
            sent_before = used(chain, watcher.account.address)
            close_all(chain, chance.sample(pairs, CHANNELS), chance)
            until(lambda: all(map(is_answered, pairs)), "all closes are answered", 90)
            sent = used(chain, watcher.account.address) - sent_before
            watcher.kill()

    assert sent <= 4


def open_channels(chain: Chain) -> list[Pair]:
    pair = make_pair(chain, deposit=0)
    pairs = [replace(pair, channel=replace(pair.channel, salt=salt)) for salt in range(CHANNELS)]
    for each in pairs:
        each.deposit(1000)
    return pairs


def close_all(chain: Chain, pairs: list[Pair], chance: random.Random) -> None:
    """Have the payer close every channel with a stale state, or with none, all in the pool at once."""
    payer = str(pairs[0].payer.address)
    chain.anvil.rpc("anvil_impersonateAccount", payer)
    for pair in pairs:
        stale = chance.choice((None, pair.state(chance.randint(1, NEWEST[0] - 1), chance.randint(0, 9))))
        data = "0x" + calls.start_close(pair.channel, stale).hex()
        call = {"from": payer, "to": str(chain.contract), "data": data, "gas": hex(GAS)}
        chain.anvil.rpc("eth_sendTransaction", call)


def is_answered(pair: Pair) -> bool:
    phase = state_of(pair).phase
    return isinstance(phase, Closing) and phase.state.sequence == NEWEST[0]


def used(chain: Chain, account: object) -> int:
    return int(chain.anvil.rpc("eth_getTransactionCount", str(account), "latest"), 16)

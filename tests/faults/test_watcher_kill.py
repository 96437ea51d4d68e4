"""F10 to F12: the watcher is killed again and again in many disputes, and no honest party loses a unit."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.rpc import Rpc
from penstock.node.records import TransactionStatus
from penstock.protocol.onchain import Closing, Ended, OnChain
from penstock.protocol.primitives import Bytes32
from tests.support.anvil import USDC, Chain, deploy, run_anvil
from tests.support.disputes import CHALLENGE_PERIOD_SECONDS, Pair, make_pair
from tests.support.watching import WatcherProcess, new_watcher, until

KILLS_MIN = 50
DISPUTES = 20
KILLS_IN_SETTLEMENT = 10
AT_RANDOM = 0.6
"""How many of the kills in a dispute come at random; the others come before the evidence was delivered."""
DEPOSIT = 10 * USDC

# What the payer tries, what was delivered before the dispute, and what is delivered in the middle of it.
STALE, KNOWN, NEWEST = (2, 1 * USDC), (5, 3 * USDC), (9, 7 * USDC)


@dataclass
class Case:
    """One channel, and the receipts that the watcher gave for it."""

    pair: Pair
    receipts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def one_way(self) -> bool:
        return self.pair.channel.one_way

    def start_close(self) -> None:
        stale = None if self.one_way else self.pair.state(*STALE)
        self.pair.send(calls.start_close(self.pair.channel, stale))

    def deliver(self, watcher: WatcherProcess, sequence: int, paid: int) -> None:
        evidence = self.pair.voucher(paid) if self.one_way else self.pair.state(sequence, paid)
        self.receipts.append(watcher.give(self.pair.channel, evidence))


@pytest.fixture
def chain() -> Iterator[Chain]:
    with run_anvil("--block-time", "0.2") as anvil:
        yield deploy(anvil)


@pytest.mark.timeout(180)
def test_no_unit_is_lost_however_often_and_whenever_the_watcher_is_killed(chain: Chain, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201 (what reproduces a failure)
    chance = random.Random(seed)
    cases = open_channels(chain, DISPUTES)
    with new_watcher(chain, tmp_path) as watcher:
        watcher.start()
        for case in cases:
            case.deliver(watcher, *KNOWN)
        watcher.kill()

        disputes_with_kills(watcher, cases, chance)
        until(lambda: all(is_answered(state_of(case)) for case in cases), "all closes are answered", 60)
        watcher.kill()

        settlements_with_kills(watcher, cases, chance)
        until(lambda: all(is_settled(state_of(case)) for case in cases), "all channels are settled", 60)
        for case in cases:
            case.deliver(watcher, *NEWEST)
        watcher.kill()

        assert watcher.kills >= KILLS_MIN
        check_money(chain, cases)
        check_receipts(cases)
        check_transactions(watcher, cases)


def open_channels(chain: Chain, count: int) -> list[Case]:
    """Open channels between two parties, every fourth of them one-way."""
    pair = make_pair(chain, deposit=0)
    cases = []
    for salt in range(count):
        channel = replace(pair.channel, salt=salt, one_way=salt % 4 == 0)
        case = Case(replace(pair, channel=channel))
        case.pair.deposit(DEPOSIT)
        cases.append(case)
    return cases


def disputes_with_kills(watcher: WatcherProcess, cases: list[Case], chance: random.Random) -> None:
    """Start a close for every channel; kill while the watcher starts, while it answers, and right after a receipt."""
    for case in cases:
        watcher.start(wait=False)
        time.sleep(chance.uniform(0, 0.8))
        watcher.kill()

        watcher.start()
        case.start_close()
        delivery = threading.Thread(target=case.deliver, args=(watcher, *NEWEST))
        delivery.start()
        time.sleep(chance.uniform(0, 0.6) if chance.random() < AT_RANDOM else 0)
        watcher.kill()
        # It goes on being delivered until there is a receipt, as a node does; what has one must be on disk.
        watcher.start()
        delivery.join()
        watcher.kill()
    watcher.start()


def settlements_with_kills(watcher: WatcherProcess, cases: list[Case], chance: random.Random) -> None:
    """Let all deadlines pass and kill while the channels are being settled."""
    cases[0].pair.chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
    for _ in range(KILLS_IN_SETTLEMENT):
        watcher.start(wait=False)
        time.sleep(chance.uniform(0, 1.2))
        watcher.kill()
    watcher.start()


def state_of(case: Case) -> OnChain:
    async def work(rpc: Rpc) -> OnChain:
        return await ChannelsContract(rpc, case.pair.chain.domain).get_channel(case.pair.channel_id)

    return case.pair.chain.run(work)  # type: ignore[no-any-return]


def is_answered(onchain: OnChain) -> bool:
    newest = isinstance(onchain.phase, Closing) and onchain.phase.state.sequence == NEWEST[0]
    return newest or onchain.payee_withdrawn == NEWEST[1]


def is_settled(onchain: OnChain) -> bool:
    return isinstance(onchain.phase, Ended)


def check_money(chain: Chain, cases: list[Case]) -> None:
    """Each party has what the newest evidence says, and the contract keeps nothing back (INV-1, INV-3, INV-5)."""
    payer, payee = cases[0].pair.payer, cases[0].pair.payee
    assert chain.balance(payee.address) == NEWEST[1] * len(cases)
    assert chain.balance(payer.address) == 1_000 * USDC - NEWEST[1] * len(cases)
    assert chain.balance(chain.contract) == 0


def check_receipts(cases: list[Case]) -> None:
    """Every receipt was for the evidence that was sent, and the same evidence got the same one again much later."""
    for case in cases:
        known, newest, again = case.receipts
        expected = ("0", "0") if case.one_way else (str(KNOWN[0]), str(NEWEST[0]))
        assert (known["sequence"], newest["sequence"]) == expected
        assert again == newest


def check_transactions(watcher: WatcherProcess, cases: list[Case]) -> None:
    """Every intent was stored once and had one effect, none reverted, and the nonces have no gap."""
    records = watcher.transactions()
    keys = Counter(record.intent.key for record in records)
    assert set(keys.values()) == {1}
    mined = [r for r in records if r.status in (TransactionStatus.CONFIRMED, TransactionStatus.MINED)]
    assert [r.failure for r in mined] == [None] * len(mined)
    effects = Counter((r.intent.purpose, r.intent.data) for r in mined)
    assert set(effects.values()) == {1}
    nonces = sorted(r.signed.nonce for r in records if r.signed)
    assert nonces == list(range(len(nonces)))
    assert int(watcher.chain.anvil.rpc("eth_getTransactionCount", str(watcher.account.address), "latest"), 16) == len(
        nonces
    )
    settlements = Counter(r.intent.channel_id for r in mined if r.intent.purpose == "settle")
    assert settlements == Counter[Bytes32 | None](case.pair.channel_id for case in cases)

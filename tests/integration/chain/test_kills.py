"""A process that sends and follows is killed again and again; everything happens once all the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.node.records import Intent, TransactionStatus
from penstock.protocol.onchain import OnChain, Open
from penstock.storage.database import Database
from tests.support.anvil import Chain
from tests.support.disputes import Pair, make_pair

KILLS = 5
DEPOSITS = 24

PROCESS = """
import asyncio, sys
from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.follower import Follower, FollowerSettings
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.protocol.primitives import Address
from penstock.storage.database import Database

async def on_change(channels, head):
    print("block", head.number, flush=True)

async def main(url, contract, start, records):
    account = Account(bytes.fromhex(sys.stdin.readline()))
    rpc = await Rpc.connect(url)
    channels = await ChannelsContract.connect(rpc, Address.parse(contract, "contract"))
    database = Database(records)
    settings = FollowerSettings(int(start), confirmations=2, poll_seconds=0.05)
    follower = Follower(rpc, channels, database, settings)
    sending = SenderSettings(confirmations=2, poll_seconds=0.05, in_flight_max=4, urgent_reserve=0)
    sender = Sender(rpc, [account], database, sending)
    await asyncio.gather(follower.run(on_change), sender.run())

asyncio.run(main(*sys.argv[1:]))
"""


def start(chain: Chain, account_key: bytes, records: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, chain.url, str(chain.contract), str(chain.start_block), records]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    process.stdin.write(account_key.hex() + "\n")
    process.stdin.close()
    return process


def kill_soon(process: subprocess.Popen[str], chance: random.Random) -> None:
    assert process.stdout is not None
    process.stdout.readline()  # it works by now
    time.sleep(chance.uniform(0, 1.5))
    kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_every_deposit_lands_once_and_every_event_is_recorded_once(ticking_chain: Chain, tmp_path: Path) -> None:
    chain, chance = ticking_chain, random.Random(7)
    pair = make_pair(chain, deposit=1)
    key = os.urandom(32)
    sender = Account(key)
    chain.anvil.fund(sender.address)
    chain.mint(sender.address)
    chain.send(sender, chain.token, calls.approve(chain.contract, 2**256 - 1))
    records = f"sqlite:///{tmp_path / 'records.db'}"
    with Database(records) as database:
        database.migrate()
        enqueue(database, chain, pair, sender)

        for _ in range(KILLS):
            kill_soon(start(chain, key, records), chance)
        last = start(chain, key, records)
        wait_until_final(database)
        kill(last)

        onchain = database.read_sync(lambda uow: uow.chain.onchain(pair.channel_id))
        transactions = database.read_sync(lambda uow: uow.transactions.recent(DEPOSITS + 1))
    total = 1 + sum(range(1, DEPOSITS + 1))
    assert onchain == OnChain(Open(), payer_deposit=total)
    assert chain.balance(chain.contract) == total
    assert {t.status for t in transactions} == {TransactionStatus.CONFIRMED}
    assert sorted(t.signed.nonce for t in transactions if t.signed) == list(range(1, DEPOSITS + 1))


def enqueue(database: Database, chain: Chain, pair: Pair, sender: Account) -> None:
    intents = [
        Intent(f"deposit:{n}", "deposit", chain.contract, calls.deposit(pair.channel, n), pair.channel_id)
        for n in range(1, DEPOSITS + 1)
    ]
    database.run_sync(lambda uow: [uow.transactions.add(intent, 0) for intent in intents])


def wait_until_final(database: Database) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        transactions = database.read_sync(lambda uow: uow.transactions.recent(DEPOSITS + 1))
        last = max((t.outcome.block_number for t in transactions if t.outcome), default=0)
        cursor = database.read_sync(lambda uow: uow.chain.cursor())
        if all(t.final for t in transactions) and cursor and cursor.number >= last:
            return
        time.sleep(0.2)
    raise AssertionError("not all of them ended")

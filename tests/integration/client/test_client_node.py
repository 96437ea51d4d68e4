"""The client against the real node, over real HTTP, on a real chain."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import pytest

from penstock.chain.errors import (
    EndpointsDisagree,
    ForeignMarks,
    NoContract,
    QuorumImpossible,
    SignerInUse,
    TransactionFailed,
    WrongChainId,
)
from penstock.client import Client, Patience
from penstock.client.errors import ForeignHome, UnknownCode
from penstock.client.home import Home
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import BalanceExceeded, CauseRepeated, ChannelClosing, ChannelSettled
from penstock.protocol.messages import SignedState
from penstock.protocol.onchain import Closing, Ended
from tests.integration.client.world import PATIENCE, RELAY_MINIMUM, NodeProcess
from tests.support.parties import cause_id
from tests.support.watching import new_watcher, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

DEPOSIT = 10_000_000
PERIOD = 3


async def test_a_payer_without_ether_opens_pays_withdraws_and_closes(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT)
        payments = [await channel.pay(1_000) for _ in range(20)]
        await channel.withdraw(1_000_000)
        await channel.close()

        assert payments[-1].paid == 20_000
        assert isinstance((await channel.position()).phase, Ended)
        with pytest.raises(ChannelSettled):
            await channel.pay(1)
    left = await anyio.to_thread.run_sync(node.chain.balance, payer.account.address)
    assert left == 100_000_000 - 20_000


async def test_a_payer_with_its_own_gas_needs_the_node_for_nothing_but_payments(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(lambda: node.payer(ether=1))
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT, gasless=False, challenge_period_seconds=PERIOD)
        await channel.deposit(DEPOSIT, gasless=False)
        await channel.pay(1_000)
        await channel.withdraw(100, gasless=False)
        node.kill()

        await channel.start_close()
        with pytest.raises(ChannelClosing):
            await channel.pay(1)
        while True:
            try:
                await channel.settle()
                break
            except TransactionFailed:
                await anyio.sleep(1)

        assert isinstance((await channel.position()).phase, Ended)
    left = await anyio.to_thread.run_sync(node.chain.balance, payer.account.address)
    assert left == 100_000_000 - 1_000


async def test_an_old_state_can_be_shown_to_the_chain(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(lambda: node.payer(ether=1))
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT, challenge_period_seconds=60)
        old = (await channel.pay(1_000)).evidence
        await channel.pay(5_000)
        assert isinstance(old, SignedState)

        await channel.start_close(old)

        phase = (await channel.position()).phase
        assert isinstance(phase, Closing)
        assert (phase.state.sequence, phase.state.paid) == (1, 1_000)


async def test_vouchers_and_a_top_up(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        await channel.pay(DEPOSIT)
        await channel.deposit(DEPOSIT)

        payment = await channel.pay(5)

    assert payment.paid == DEPOSIT + 5


async def test_one_of_three_endpoints_may_be_down(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(lambda: node.payer(ether=1))
    endpoints = [node.chain.url, "http://127.0.0.1:1", node.chain.url]
    async with node.connect(payer, rpc_url=endpoints) as client:
        channel = await client.open_channel(DEPOSIT, challenge_period_seconds=60)
        await channel.pay(1_000)
        await channel.start_close()

        assert isinstance((await channel.position()).phase, Closing)

    with pytest.raises(EndpointsDisagree):
        async with node.connect(payer, rpc_url=endpoints, quorum=3):
            pass
    for named, quorum in (([], None), (endpoints, 4), ([node.chain.url], 2), (endpoints, 0), (endpoints, -1)):
        with pytest.raises(QuorumImpossible):
            async with node.connect(payer, rpc_url=named, quorum=quorum):
                pass


async def test_refunds_of_the_operator_are_taken(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1_000)
        answer = await anyio.to_thread.run_sync(
            lambda: node.post(f"/v1/channels/{channel.id}/refunds", {"amount": "400"})
        )
        assert answer.is_success, answer.text

        payment = await channel.take_refunds()

    assert payment is not None
    assert payment.paid == 600


async def test_killed_at_any_moment_the_node_and_the_client_agree(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT)

        async def pay() -> None:
            for number in range(60):
                await channel.pay(1_000, cause_id(number))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pay)
            for _ in range(4):
                await anyio.sleep(0.15)
                node.kill()
                await anyio.to_thread.run_sync(node.start)

        assert (await channel.position()).base.paid == 60_000
        assert (await channel.get_in_step()).base.paid == 60_000
        with pytest.raises(CauseRepeated):
            await channel.pay(1_000, cause_id(59))


async def test_a_lost_directory_is_recovered_from_the_node(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1_000)
    shutil.rmtree(payer.home)

    async with node.connect(payer) as client:
        (recovered,) = await client.recover_all()
        payment = await recovered.pay(500)

    assert recovered.id == channel.id
    assert payment.paid == 1_500
    assert payment.sequence > 2**31


async def test_a_session_key_signs_for_the_payer(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer, signer_key=b"\5" * 32) as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1_000)
        await channel.close()

        assert channel.terms.payer == payer.account.address != channel.terms.payer_signer


async def test_bad_input_is_named_and_changes_nothing(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(DEPOSIT)
        with pytest.raises(BalanceExceeded):
            await channel.pay(DEPOSIT + 1)
        await channel.deposit(RELAY_MINIMUM)

        assert (await channel.pay(1)).sequence == 1
        with pytest.raises(SignerInUse):
            async with node.connect(payer):
                pass
    with pytest.raises(ForeignHome):
        async with node.connect(payer, contract=node.chain.token):
            pass
    with pytest.raises(ForeignMarks):
        async with node.connect(payer, signer_key=b"\5" * 32):
            pass
    with pytest.raises(NoContract):
        async with node.connect(payer, home=payer.home.with_name("new"), contract="0x" + "ee" * 20):
            pass
    elsewhere = payer.home.with_name("elsewhere")
    Home(elsewhere).keep(Domain(1, node.chain.contract))
    with pytest.raises(WrongChainId):
        async with node.connect(payer, home=elsewhere):
            pass


def test_the_three_lines_of_a_blocking_payer(node: NodeProcess) -> None:
    payer = node.payer()

    with Client.connect(
        node.url, rpc_url=node.chain.url, key="0x" + payer.key.hex(), home=payer.home, patience=PATIENCE
    ) as client:
        channel = client.open_channel(deposit=DEPOSIT)
        payment = channel.pay(25_000)
        channel.close()

    assert payment.remaining == DEPOSIT - 25_000


async def test_a_node_on_a_contract_of_its_own_gets_no_deposit(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    code = node.chain.anvil.rpc("eth_getCode", str(node.chain.contract), "latest")
    changed = code[:-2] + f"{int(code[-2:], 16) ^ 1:02x}"
    node.chain.anvil.rpc("anvil_setCode", str(node.chain.contract), changed)

    with pytest.raises(UnknownCode):
        async with node.connect(payer):
            pass

    async with node.connect(payer, contract=node.chain.contract) as client:
        assert client.domain == node.chain.domain


async def test_a_watcher_of_the_payers_own_gets_the_newest_state_and_gives_it_back(
    node: NodeProcess, tmp_path: Path
) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    with new_watcher(node.chain, tmp_path / "watcher") as watcher:
        await anyio.to_thread.run_sync(watcher.start)
        async with node.connect(payer, watchers=[watcher.url]) as client:
            channel = await client.open_channel(DEPOSIT)
            await channel.pay(1_000)
            await channel.pay(2_000)

            def holds_the_newest() -> bool:
                shown = watcher.show(channel.id, payer.account)
                return shown.is_success and shown.json()["state"]["state"]["sequence"] == "2"

            await anyio.to_thread.run_sync(until, holds_the_newest, "the watcher holds the newest state")
        shutil.rmtree(payer.home)
        node.kill()

        patient = Patience(answer_seconds=1)
        async with node.connect(
            payer, watchers=[watcher.url], contract=node.chain.contract, patience=patient
        ) as client:
            recovered = await client.recover(channel.id)

            assert (await recovered.position()).base.paid == 3_000

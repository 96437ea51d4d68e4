"""The node as a real process on a real chain: it starts, freezes, stops and refuses to start by name."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from penstock.bootstrap import run_node_parts
from penstock.chain import calls
from penstock.chain.errors import ForeignMarks, NoContract, SignerInUse, WrongChainId, WrongPassword
from penstock.config import load_settings
from penstock.protocol.errors import ChannelClosing, ClosePending, PenstockError
from tests.integration.client.world import NodeProcess, new_node
from tests.support.anvil import USDC, Chain, deploy, run_anvil
from tests.support.watching import until

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(ticking_chain: Chain, tmp_path: Path) -> Iterator[NodeProcess]:
    with new_node(ticking_chain, tmp_path / "node") as made:
        yield made


def health(node: NodeProcess) -> int:
    try:
        return httpx.get(f"{node.url}/v1/health", timeout=5).status_code
    except httpx.TransportError:
        return 0


def metrics(node: NodeProcess) -> str:
    headers = {"authorization": f"Bearer {node.operator_token}"}
    return httpx.get(f"{node.url}/metrics", headers=headers, timeout=5).text


def rewrite(node: NodeProcess, pattern: str, replacement: str) -> None:
    file = node.home / "penstock.toml"
    file.write_text(re.sub(pattern, replacement, file.read_text()))


def stop(node: NodeProcess) -> int:
    process, node.process = node.process, None
    os.kill(process.pid, signal.SIGTERM)
    process.join(20)
    return int(process.exitcode)


async def start_in_vain(node: NodeProcess) -> PenstockError:
    """Try to start a node in this process, and return why it does not."""
    with pytest.raises(PenstockError) as caught:
        async with run_node_parts(load_settings(node.home)):
            pass
    return caught.value


def test_asked_to_stop_it_ends_well_and_starts_again(node: NodeProcess) -> None:
    node.start()

    assert stop(node) == 0
    node.start()
    assert stop(node) == 0
    assert "Traceback" not in node.log


async def test_a_close_on_chain_freezes_the_channel_within_a_block(node: NodeProcess) -> None:
    node.start()
    payer = await anyio.to_thread.run_sync(lambda: node.payer(ether=1))
    async with node.connect(payer) as client:
        channel = await client.open_channel(deposit=10 * USDC, challenge_period_seconds=3600)
        await channel.pay(USDC)
        body = node.post(f"/v1/channels/{channel.id}/refunds", {"amount": "1"})
        assert body.status_code == 200
        await channel.start_close()

        until(
            lambda: node.post(f"/v1/channels/{channel.id}/refunds", {"amount": "1"}).status_code == 409,
            "frozen",
        )
        with pytest.raises(ChannelClosing):
            await channel.pay(USDC)


async def test_a_close_that_waits_for_a_block_freezes_the_channel_until_it_cannot_come(node: NodeProcess) -> None:
    node.start()
    anvil = node.chain.anvil
    payer = await anyio.to_thread.run_sync(lambda: node.payer(ether=1))
    async with node.connect(payer) as client:
        channel = await client.open_channel(deposit=10 * USDC, challenge_period_seconds=3600)
        await channel.pay(USDC)
        until(lambda: "penstock_endpoint_stream_connected" in metrics(node), "the chain pushes")
        anvil.pause()
        anvil.publish(payer.account, node.chain.contract, calls.start_close(channel.terms))
        path = f"/v1/channels/{channel.id}/refunds"

        until(lambda: node.post(path, {"amount": "1"}).json().get("code") == "close-pending", "frozen")
        with pytest.raises(ClosePending):
            await channel.pay(USDC)

        anvil.publish(payer.account, payer.account.address, b"", tip_gwei=4, max_fee_gwei=400)
        anvil.mine()
        until(lambda: node.post(path, {"amount": "1"}).is_success, "it goes on")
        await channel.pay(USDC)


async def test_two_nodes_never_sign_with_one_key(node: NodeProcess) -> None:
    node.start()

    assert isinstance(await start_in_vain(node), SignerInUse)


async def test_another_key_s_marks_are_refused(node: NodeProcess) -> None:
    node.start()
    stop(node)
    os.rename(node.home / "keys/node.json", node.home / "keys/old.json")  # noqa: PTH104 (one line)
    with new_node(node.chain, node.home.with_name("other")) as other:
        os.rename(other.home / "keys/node.json", node.home / "keys/node.json")  # noqa: PTH104 (one line)

        assert isinstance(await start_in_vain(node), ForeignMarks)


async def test_a_wrong_password_is_named(node: NodeProcess) -> None:
    (node.home / "password").write_text("guess")

    assert isinstance(await start_in_vain(node), WrongPassword)


async def test_another_chain_than_the_settings_name_is_refused(node: NodeProcess) -> None:
    rewrite(node, r"chain_id = \d+", "chain_id = 5")

    assert isinstance(await start_in_vain(node), WrongChainId)


async def test_an_address_without_a_contract_is_refused(node: NodeProcess) -> None:
    rewrite(node, r'contract = "\w+"', f'contract = "0x{"11" * 20}"')

    assert isinstance(await start_in_vain(node), NoContract)


def test_without_the_chain_it_starts_and_waits_for_it(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    with run_anvil("--block-time", "1", "--state", str(state), "--state-interval", "1") as anvil:
        chain = deploy(anvil)
        port = int(anvil.url.rpartition(":")[2])
        with new_node(chain, tmp_path / "node") as node:
            until(lambda: state.exists() and state.stat().st_size > 0, "the chain's state is on disk")
            anvil.process.terminate()
            anvil.process.wait()

            node.launch()
            until(lambda: health(node) == 503, "it serves and says that it cannot sign")
            assert httpx.get(f"{node.url}/v1/node", timeout=5).status_code == 200
            with run_anvil("--block-time", "1", "--state", str(state), port=port):
                until(lambda: health(node) == 200, "it follows the chain")
                node.kill()


async def test_a_new_operator_s_token_is_kept_in_a_file_of_its_own(node: NodeProcess) -> None:
    rewrite(node, r'operator_token = "[^"]+"\n', "")

    async with run_node_parts(load_settings(node.home)) as first:
        pass
    async with run_node_parts(load_settings(node.home)) as second:
        file = node.home / "operator-token"
        assert first.operator_token == second.operator_token == file.read_text().strip()
        assert file.stat().st_mode & 0o777 == 0o600

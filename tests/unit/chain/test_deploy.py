"""Deploying through endpoints that do not play along; what does is in tests/integration."""

from __future__ import annotations

import asyncio

import pytest

from penstock.chain.account import Account
from penstock.chain.create2 import PROXY, plan_contracts
from penstock.chain.deploy import deploy_proxy
from penstock.chain.errors import CallReverted, CreationNotSimulated, ForeignCode, ProxyRefused, RpcRefused
from penstock.chain.rpc import BlockId, Rpc
from penstock.chain.standing import planned_code
from penstock.protocol.primitives import Address

CHANNELS = plan_contracts(60, 3_600)[0]
URL = "http://127.0.0.1:1"


class ProtectedOnly(Rpc):
    """An endpoint of a chain without the proxy, which refuses transactions without a chain id."""

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        return b""

    async def send_raw(self, raw: bytes) -> None:
        reason = "only replay-protected (EIP-155) transactions allowed over RPC"
        raise RpcRefused("eth_sendRawTransaction", -32000, reason)


class WithoutOverrides(Rpc):
    """An endpoint that ignores what code a call is to run, and so asks the contract for nothing."""

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        return CHANNELS.artifact.runtime

    async def run_code(self, code: bytes, place: Address, sender: Address) -> bytes:
        raise CallReverted("execution reverted", b"")


def test_a_chain_that_refuses_the_proxy_is_named_before_any_money_goes_to_its_signer() -> None:
    with pytest.raises(ProxyRefused, match="only replay-protected"):
        asyncio.run(deploy_proxy(ProtectedOnly(URL), Account.create()))


def test_other_code_in_the_proxys_place_is_not_used() -> None:
    with pytest.raises(ForeignCode) as caught:
        asyncio.run(deploy_proxy(WithoutOverrides(URL), Account.create()))

    assert caught.value.address == str(PROXY)


def test_an_endpoint_that_cannot_run_the_creation_verifies_nothing() -> None:
    with pytest.raises(CreationNotSimulated) as caught:
        asyncio.run(planned_code(WithoutOverrides(URL), CHANNELS))

    assert (caught.value.expected_size, caught.value.got_size) == (len(CHANNELS.artifact.runtime), 0)

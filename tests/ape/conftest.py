"""A contract, a token and three accounts on ape's own Anvil; every test starts from here and is rolled back."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ape.messages import Channel, new_key

PERIOD_SECONDS = 3_600
FUNDS = 1_000_000_000


@pytest.fixture(scope="session")
def owner(accounts: Any) -> Any:
    return accounts[0]


@pytest.fixture(scope="session")
def payer(accounts: Any) -> Any:
    return accounts[1]


@pytest.fixture(scope="session")
def payee(accounts: Any) -> Any:
    return accounts[2]


@pytest.fixture(scope="session")
def stranger(accounts: Any) -> Any:
    return accounts[3]


@pytest.fixture(scope="session")
def channels(project: Any, owner: Any) -> Any:
    return owner.deploy(project.Channels, 1, 30 * 86_400)


@pytest.fixture(scope="session")
def usdc(project: Any, owner: Any, payer: Any, payee: Any, channels: Any) -> Any:
    token = owner.deploy(project.DevUSDC)
    for party in (payer, payee):
        token.mint(party, FUNDS, sender=owner)
        token.approve(channels, 2**256 - 1, sender=party)
    return token


@pytest.fixture
def terms(channels: Any, usdc: Any, payer: Any, payee: Any, chain: Any) -> Callable[..., Channel]:
    """Give the terms of a channel between fresh session keys."""

    def build(*, one_way: bool = False) -> Channel:
        payer_signer, payee_signer = new_key(), new_key()
        fields = {
            "payer": payer.address,
            "payee": payee.address,
            "payerSigner": payer_signer.address,
            "payeeSigner": payee_signer.address,
            "token": usdc.address,
            "challengePeriod": PERIOD_SECONDS,
            "oneWay": one_way,
            "salt": 1,
        }
        domain = {
            "name": "Penstock",
            "version": "1",
            "chainId": chain.chain_id,
            "verifyingContract": channels.address,
        }
        return Channel(fields, bytes(channels.channelId(fields)), domain, payer_signer, payee_signer)

    return build

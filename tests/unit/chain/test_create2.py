"""Addresses that follow from the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account as EthAccount
from eth_typing import HexAddress, HexStr
from web3.types import Nonce
from web3.utils.address import get_create_address

from penstock.chain.create2 import (
    PROXY,
    PROXY_CODE,
    PROXY_SIGNER,
    PROXY_TRANSACTION,
    SALT,
    create2_address,
    create_address,
    plan_contracts,
)
from penstock.chain.errors import EmptyBounds
from penstock.protocol.primitives import Address, Bytes32

ARTIFACTS = Path(__file__).parents[3] / "src/penstock/artifacts"
ZERO = "00" * 20
DEAD = "deadbeef" + "00" * 16


@pytest.mark.parametrize(
    ("deployer", "salt", "init_code", "address"),
    [
        (ZERO, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        (DEAD, "00" * 32, "00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"),
        (DEAD, "00" * 12 + "feed" + "00" * 18, "00", "0xD04116cDd17beBE565EB2422F2497E06cC1C9833"),
        (ZERO, "00" * 32, "deadbeef", "0x70f2b2914A2a4b783FaEFb75f459A580616Fcb5e"),
        ("00" * 16 + "deadbeef", "00" * 28 + "cafebabe", "deadbeef", "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"),
        ("00" * 16 + "deadbeef", "00" * 28 + "cafebabe", "deadbeef" * 11, "0x1d8bfDC5D46DC4f61D6b6115972536eBE6A8854C"),
        (ZERO, "00" * 32, "", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
    ],
)
def test_create2_gives_the_addresses_of_eip_1014(deployer: str, salt: str, init_code: str, address: str) -> None:
    given = create2_address(Address(bytes.fromhex(deployer)), Bytes32(bytes.fromhex(salt)), bytes.fromhex(init_code))

    assert str(given) == address


@pytest.mark.parametrize("nonce", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**32])
def test_an_accounts_contract_stands_where_its_nonce_says(nonce: int) -> None:
    assert str(create_address(PROXY_SIGNER, nonce)) == get_create_address(
        HexAddress(HexStr(str(PROXY_SIGNER))), Nonce(nonce)
    )


def test_the_proxy_is_what_its_transaction_makes() -> None:
    signer = EthAccount.recover_transaction("0x" + PROXY_TRANSACTION.hex())

    assert signer == str(PROXY_SIGNER)
    assert create_address(PROXY_SIGNER, 0) == PROXY
    assert PROXY_CODE in PROXY_TRANSACTION


def test_the_proxy_is_called_with_the_salt_and_the_creation_code() -> None:
    channels = plan_contracts(60, 3_600)[0]

    assert channels.call == SALT + channels.artifact.bytecode + (60).to_bytes(32, "big") + (3_600).to_bytes(32, "big")
    assert channels.address == create2_address(PROXY, SALT, channels.init_code)


def test_other_bounds_have_another_address() -> None:
    addresses = {plan_contracts(*bounds)[0].address for bounds in ((1, 10), (1, 11), (2, 10), (1, 10))}

    assert len(addresses) == 3


def test_everything_that_ships_is_planned_but_the_play_money() -> None:
    shipped = {file.stem for file in ARTIFACTS.glob("*.json")}

    assert {planned.name for planned in plan_contracts(1, 1)} == shipped - {"DevUSDC"}


@pytest.mark.parametrize(("least", "most"), [(0, 10), (11, 10), (-1, 10), (1, 2**32)])
def test_bounds_that_the_contract_would_refuse_are_refused_before_anything_is_sent(least: int, most: int) -> None:
    with pytest.raises(EmptyBounds, match=f"between {least} and {most} seconds"):
        plan_contracts(least, most)

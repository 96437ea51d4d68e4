"""The deployment script, `ape run deploy`."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from penstock.chain.account import new_key
from penstock.chain.create2 import PROXY, plan_contracts
from penstock.chain.errors import EmptyBounds, ManifestConflict
from penstock.chain.keys import save_keystore
from penstock.cli.main import run
from scripts.deploy import deploy
from tests.support.anvil import run_anvil

OTHER_CHAIN_ID = 31338


def contracts(directory: Path, chain_id: int) -> Any:
    return json.loads((directory / f"{chain_id}.json").read_text())["contracts"]


def penstock_deploy(directory: Path, url: str, key: Path) -> int:
    where = ("--rpc-url", url, "--home", str(key.parents[1]), "--directory", str(directory))
    bounds = ("--challenge-period-min", "60", "--challenge-period-max", "3600")
    return run(["deploy", *where, *bounds, "--password-file", str(key.with_suffix(".password")), "--json"])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys/deployer.json"
    path.parent.mkdir()
    path.with_suffix(".password").write_text("deployer's")
    save_keystore(path, new_key(), "deployer's", iterations=2)
    return path


def test_it_deploys_both_contracts_with_the_bounds_asked_for(
    project: Any, owner: Any, chain: Any, tmp_path: Path
) -> None:
    deploy(owner, 60, 3_600, tmp_path, with_token=True)

    recorded = contracts(tmp_path, chain.chain_id)
    channels = project.Channels.at(recorded["Channels"]["address"])
    assert (channels.minChallengePeriod(), channels.maxChallengePeriod()) == (60, 3_600)
    assert project.DevUSDC.at(recorded["DevUSDC"]["address"]).owner() == owner
    # What another test put there before was found, not deployed again: its block counts, whichever it is.
    for each in recorded.values():
        assert chain.provider.get_receipt(each["transactionHash"]).block_number == each["block"]
    assert recorded.keys() == {planned.name for planned in plan_contracts(60, 3_600)} | {"DevUSDC"}


def test_it_leaves_the_token_out_where_money_is_real(owner: Any, chain: Any, tmp_path: Path) -> None:
    deploy(owner, 60, 3_600, tmp_path, with_token=False)

    assert contracts(tmp_path, chain.chain_id).keys() == {planned.name for planned in plan_contracts(60, 3_600)}


def test_penstock_deploy_arrives_at_the_same_address_on_another_chain(
    owner: Any, chain: Any, key: Path, tmp_path: Path
) -> None:
    deploy(owner, 60, 3_600, tmp_path, with_token=False)
    with run_anvil(chain_id=OTHER_CHAIN_ID) as anvil:
        anvil.rpc("anvil_setBalance", "0x" + json.loads(key.read_text())["address"].removeprefix("0x"), hex(10**18))
        status = penstock_deploy(tmp_path, anvil.url, key)

    here, there = contracts(tmp_path, chain.chain_id)["Channels"], contracts(tmp_path, OTHER_CHAIN_ID)["Channels"]
    where = {"block", "transactionHash", "runtimeCodeHash"}  # The code holds the chain's id.
    assert status == 0
    assert here["address"] == there["address"]
    assert {name: here[name] for name in here.keys() - where} == {name: there[name] for name in there.keys() - where}


def test_penstock_deploy_finds_what_ape_deployed_and_has_nothing_to_add(
    owner: Any, chain: Any, key: Path, tmp_path: Path
) -> None:
    manifest = deploy(owner, 60, 3_600, tmp_path, with_token=False)
    before = manifest.path.read_bytes()

    status = penstock_deploy(tmp_path, chain.provider.http_uri, key)

    assert status == 0
    assert manifest.path.read_bytes() == before


def test_a_second_run_sends_nothing(owner: Any, tmp_path: Path) -> None:
    before = deploy(owner, 60, 3_600, tmp_path, with_token=True).path.read_bytes()
    sent = owner.nonce

    after = deploy(owner, 60, 3_600, tmp_path, with_token=True).path.read_bytes()

    assert (after, owner.nonce) == (before, sent)


def test_another_address_than_the_recorded_one_is_refused(owner: Any, tmp_path: Path) -> None:
    deploy(owner, 60, 3_600, tmp_path, with_token=False)

    with pytest.raises(ManifestConflict):
        deploy(owner, 61, 3_600, tmp_path, with_token=False)


def test_a_chain_without_the_proxy_is_named(owner: Any, chain: Any, tmp_path: Path) -> None:
    chain.provider.set_code(str(PROXY), b"")

    with pytest.raises(click.UsageError, match="no deployment proxy"):
        deploy(owner, 60, 3_600, tmp_path, with_token=False)


@pytest.mark.parametrize(("least", "most"), [(0, 10), (11, 10)])
def test_empty_bounds_are_refused(owner: Any, tmp_path: Path, least: int, most: int) -> None:
    with pytest.raises(EmptyBounds):
        deploy(owner, least, most, tmp_path, with_token=False)

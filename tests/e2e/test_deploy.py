"""``penstock deploy`` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.chain.account import new_key
from penstock.chain.create2 import PROXY, plan_contracts
from penstock.chain.keys import save_keystore
from penstock.cli import exits
from penstock.protocol.primitives import Address
from tests.e2e.penstock import COMMAND, Done, clean_environment, penstock_here
from tests.support.anvil import Anvil, run_anvil

pytestmark = pytest.mark.timeout(180)

PLAN = plan_contracts(3_600, 30 * 86_400)
CHANNELS = str(PLAN[0].address)
ELSEWHERE = str(plan_contracts(60, 30 * 86_400)[0].address)


@dataclass(frozen=True)
class Place:
    """A chain, a home with a key that can pay, and a folder for manifests."""

    anvil: Anvil
    folder: Path
    deployer: Address

    def arguments(self, *options: str) -> list[str]:
        where = ("--rpc-url", self.anvil.url, "--directory", str(self.folder / "deployments"))
        key = ("--home", str(self.folder), "--password-file", str(self.folder / "password"))
        return ["deploy", *where, *key, *options]

    def deploy(self, *options: str) -> Done:
        return penstock_here(*self.arguments("--json", *options))

    @property
    def sent(self) -> int:
        return int(self.anvil.rpc("eth_getTransactionCount", str(self.deployer), "pending"), 16)

    @property
    def manifest(self) -> Any:
        return json.loads((self.folder / "deployments/31337.json").read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "password").write_text("deployer's")
    deployer = save_keystore(tmp_path / "keys/deployer.json", new_key(), "deployer's", iterations=2)
    with run_anvil() as anvil:
        anvil.fund(deployer)
        yield Place(anvil, tmp_path, deployer)


def test_a_dry_run_tells_the_address_without_a_key_and_changes_nothing(place: Place) -> None:
    told = place.deploy("--dry-run", "--key", "missing").data

    assert (told["contracts"]["Channels"]["address"], told["manifest"]) == (CHANNELS, None)
    assert told["contracts"]["Channels"]["status"] == "not deployed"
    assert (place.sent, (place.folder / "deployments").exists()) == (0, False)


def test_it_deploys_once_and_records_it(place: Place) -> None:
    first = place.deploy("--dev-token").data
    recorded = place.manifest
    second = place.deploy("--dev-token").data

    assert [each["status"] for each in first["contracts"].values()] == ["deployed"] * (1 + len(PLAN))
    assert [each["status"] for each in second["contracts"].values()] == ["already deployed"] * (1 + len(PLAN))
    assert first["contracts"]["Channels"]["address"] == CHANNELS
    assert recorded["contracts"]["Channels"]["transactionHash"] == first["contracts"]["Channels"]["transactionHash"]
    assert (place.manifest, place.sent) == (recorded, 1 + len(PLAN))
    assert (place.folder / "deployments/31337/DevUSDC.standard.json").exists()


def test_a_lost_manifest_is_written_anew_from_the_chain(place: Place) -> None:
    place.deploy().data  # noqa: B018 (checks the exit status)
    recorded = place.manifest
    place.anvil.mine(3)
    (place.folder / "deployments/31337.json").unlink()

    place.deploy().data  # noqa: B018 (checks the exit status)

    assert place.manifest == recorded


def test_a_person_is_told_what_the_settings_need(place: Place) -> None:
    done = penstock_here(*place.arguments())

    assert f'contract = "{CHANNELS}"\ndeployment_block = 1\n' in done.out


def test_killed_between_sending_and_recording_it_goes_on(place: Place) -> None:
    place.anvil.automine(enabled=False)
    command = [*COMMAND, *place.arguments("--json")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean_environment()) as process:
        while place.sent == 0:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    place.anvil.automine(enabled=True)
    place.anvil.mine()

    again = place.deploy().data

    assert [each["status"] for each in again["contracts"].values()] == ["already deployed", *["deployed"] * 4]
    assert place.manifest["contracts"]["Channels"]["block"] == again["contracts"]["Channels"]["block"]
    assert place.sent == len(PLAN)


def test_a_contract_is_verified_against_what_ships(place: Place) -> None:
    missing = place.deploy("--verify")
    place.deploy().data  # noqa: B018 (checks the exit status)
    right = place.deploy("--verify").data
    other_bounds = place.deploy("--verify", "--challenge-period-min", "60", "--replace-recorded")
    place.anvil.rpc("anvil_setCode", CHANNELS, "0x6001")
    forged = place.deploy("--verify")

    assert (missing.status, missing.error["code"]) == (exits.REFUSED, "no-contract")
    assert right["contracts"]["Channels"]["status"] == "verified"
    assert (other_bounds.error["code"], other_bounds.error["values"]["address"]) == ("no-contract", ELSEWHERE)
    assert (forged.status, forged.error["code"]) == (exits.REFUSED, "foreign-code")


def test_another_address_than_the_recorded_one_is_refused_until_it_is_let_go(place: Place) -> None:
    place.deploy().data  # noqa: B018 (checks the exit status)

    refused = place.deploy("--challenge-period-min", "60")
    replaced = place.deploy("--challenge-period-min", "60", "--replace-recorded").data

    assert (refused.status, refused.error["code"]) == (exits.USAGE, "manifest-conflict")
    assert refused.error["values"]["planned"] == ELSEWHERE
    assert replaced["contracts"]["Channels"]["address"] == place.manifest["contracts"]["Channels"]["address"]
    assert place.manifest["contracts"]["Channels"]["address"] == ELSEWHERE


def test_a_key_without_gas_money_is_named(place: Place) -> None:
    place.anvil.fund(place.deployer, ether=0)

    refused = place.deploy()

    assert (refused.status, refused.error["code"]) == (exits.REFUSED, "gas-missing")


def test_a_foreign_proxy_is_refused(place: Place) -> None:
    place.anvil.rpc("anvil_setCode", str(PROXY), "0x6001")

    refused = place.deploy()

    assert (refused.status, refused.error["code"]) == (exits.REFUSED, "foreign-code")
    assert place.sent == 0


def test_bounds_without_a_period_are_refused_before_anything_else(place: Place) -> None:
    refused = place.deploy("--challenge-period-min", "10", "--challenge-period-max", "9")

    assert (refused.status, refused.error["code"]) == (exits.USAGE, "empty-bounds")

"""The manifest of a chain, on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.chain.artifacts import verification_input
from penstock.chain.create2 import PROXY, SALT, plan_contracts
from penstock.chain.errors import ManifestConflict, ManifestUnreadable
from penstock.chain.manifest import Entry, Manifest, contract_entry
from penstock.chain.standing import Creation
from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32

CHANNELS = plan_contracts(60, 3_600)[0]
CODE = b"\xfe" * 3
CREATION = Creation(7, Bytes32(b"\x07" * 32))
ELSEWHERE = Address(b"\x99" * 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest.of(tmp_path / "deployments", 8453)


def make_entry(address: Address = CHANNELS.address, creation: Creation | None = CREATION) -> Entry:
    return contract_entry(CHANNELS.artifact, CHANNELS.arguments, address, CODE, creation)


def test_an_entry_says_what_was_deployed_and_from_what(manifest: Manifest) -> None:
    manifest.record("Channels", make_entry())

    shape = json.loads(manifest.path.read_text())
    assert (shape["chainId"], shape["proxy"], shape["salt"]) == (8453, str(PROXY), str(SALT))
    assert shape["contracts"]["Channels"] == {
        "address": str(CHANNELS.address),
        "block": 7,
        "transactionHash": "0x" + "07" * 32,
        "constructorArguments": {"minChallengePeriodSeconds": 60, "maxChallengePeriodSeconds": 3_600},
        "encodedConstructorArguments": f"0x{60:064x}{3_600:064x}",
        "compiler": CHANNELS.artifact.compiler,
        "initCodeHash": "0x" + keccak(CHANNELS.init_code).hex(),
        "runtimeCodeHash": "0x" + keccak(CODE).hex(),
    }


def test_the_verification_input_lies_beside_it_and_no_half_written_file(manifest: Manifest) -> None:
    manifest.record("Channels", make_entry())

    files = {file.relative_to(manifest.path.parent) for file in manifest.path.parent.rglob("*") if file.is_file()}
    assert files == {Path("8453.json"), Path("8453/Channels.standard.json")}
    assert (manifest.inputs / "Channels.standard.json").read_text() == verification_input("Channels")


def test_what_the_file_holds_besides_stays(manifest: Manifest) -> None:
    manifest.record("Channels", make_entry())
    shape = json.loads(manifest.path.read_text())
    shape["note"] = "ours"
    shape["contracts"]["Another"] = {"address": str(ELSEWHERE)}
    manifest.path.write_text(json.dumps(shape))

    manifest.record("Channels", make_entry(creation=None))

    after = json.loads(manifest.path.read_text())
    assert (after["note"], after["contracts"]["Another"]) == ("ours", {"address": str(ELSEWHERE)})
    assert after["contracts"]["Channels"]["block"] is None


def test_another_address_is_a_conflict_that_names_both(manifest: Manifest) -> None:
    manifest.record("Channels", make_entry(ELSEWHERE))

    with pytest.raises(ManifestConflict) as caught:
        manifest.check("Channels", CHANNELS.address)

    assert (caught.value.recorded, caught.value.planned) == (str(ELSEWHERE), str(CHANNELS.address))


def test_the_same_address_is_none_however_it_is_written(manifest: Manifest) -> None:
    manifest.record("Channels", make_entry() | {"address": str(CHANNELS.address).lower()})

    manifest.check("Channels", CHANNELS.address)

    assert manifest.creation("Channels", CHANNELS.address) == CREATION
    assert manifest.creation("Channels", ELSEWHERE) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON"),
        ("[]", "it has no contracts"),
        ('{"chainId": 1, "contracts": {}}', "it is of chain 1, expected 8453"),
        ('{"chainId": 8453, "contracts": {"Channels": {}}}', "the entry of Channels is incomplete"),
        ('{"chainId": 8453, "contracts": {"Channels": []}}', "the entry of Channels is incomplete"),
    ],
)
def test_a_file_that_is_no_manifest_of_this_chain_is_named_and_kept(manifest: Manifest, text: str, reason: str) -> None:
    manifest.path.parent.mkdir()
    manifest.path.write_text(text)

    with pytest.raises(ManifestUnreadable, match=reason):
        manifest.check("Channels", CHANNELS.address)

    assert manifest.path.read_text() == text

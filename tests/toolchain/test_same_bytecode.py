"""forge, ape and py-solc-x make one bytecode of our contracts, with one compiler version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import solcx

# Three compilers go through all contracts, beside the forge suite; the usual limit is for tests that answer.
pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = ROOT / ".tool/solcx"
SHIPPED = sorted(file.stem for file in (ROOT / "src/penstock/artifacts").glob("*.json"))


@dataclass(frozen=True)
class Bytecode:
    creation: str
    runtime: str


@dataclass(frozen=True)
class Build:
    version: str
    contracts: dict[str, Bytecode]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Build:
    compiled = forge_build(tmp_path_factory.mktemp("forge"), profile="production")
    [version] = {output["metadata"]["compiler"]["version"] for output in compiled.values()}
    return Build(version, {name: standard_bytecode(output) for name, output in compiled.items()})


def forge_build(folder: Path, profile: str) -> dict[str, Any]:
    where: list[str | Path] = ["--out", folder / "out", "--cache-path", folder / "cache"]
    run(ROOT / ".tool/bin/forge", "build", "contracts", *where, cwd=ROOT, FOUNDRY_PROFILE=profile)
    return {name: read_json(folder / "out" / f"{name}.sol" / f"{name}.json") for name in SHIPPED}


@pytest.fixture(scope="module")
def ape(tmp_path_factory: pytest.TempPathFactory) -> Build:
    # A copy, because ape writes into the project that it compiles.
    project = tmp_path_factory.mktemp("ape")
    shutil.copytree(ROOT / "contracts", project / "contracts", ignore=shutil.ignore_patterns(".cache"))
    shutil.copy(ROOT / "ape-config.yaml", project)
    (project / "node_modules").symlink_to(ROOT / "node_modules")
    run(ROOT / ".venv/bin/ape", "compile", cwd=project)

    manifest = read_json(project / ".build/__local__.json")
    [compiler] = manifest["compilers"]
    types = {name: manifest["contractTypes"][name] for name in SHIPPED}
    return Build(
        compiler["version"],
        {
            name: Bytecode(kind["deploymentBytecode"]["bytecode"], kind["runtimeBytecode"]["bytecode"])
            for name, kind in types.items()
        },
    )


@pytest.fixture(scope="module")
def py_solc_x() -> Build:
    profiles = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]
    profile = profiles["default"] | profiles["production"]
    sources = [file.relative_to(ROOT) for file in (ROOT / "contracts").rglob("*.sol")]
    request = {
        "language": "Solidity",
        "sources": {str(file): {"urls": [str(file)]} for file in sources},
        "settings": {
            "remappings": profile["remappings"],
            "evmVersion": profile["evm_version"],
            "viaIR": profile["via_ir"],
            "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
            "metadata": {"bytecodeHash": profile["bytecode_hash"], "appendCBOR": profile["cbor_metadata"]},
            "outputSelection": {"*": {"*": ["metadata", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOLCX_BINARY_PATH", str(COMPILERS))
        output = solcx.compile_standard(request, base_path=ROOT, solc_version=pinned_version())

    compiled = {name: found for file in output["contracts"].values() for name, found in file.items() if name in SHIPPED}
    [long_version] = {json.loads(found["metadata"])["compiler"]["version"] for found in compiled.values()}
    return Build(long_version, {name: standard_bytecode(found["evm"]) for name, found in compiled.items()})


def run(*command: str | Path, cwd: Path, **more: str) -> None:
    environment = os.environ | {"SOLCX_BINARY_PATH": str(COMPILERS)} | more
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read_json(file: Path) -> Any:
    return json.loads(file.read_text())


def standard_bytecode(output: dict[str, Any]) -> Bytecode:
    return Bytecode(with_prefix(output["bytecode"]["object"]), with_prefix(output["deployedBytecode"]["object"]))


def with_prefix(code: str) -> str:
    return "0x" + code.removeprefix("0x")


def pinned_version() -> str:
    return str(read_json(ROOT / "package.json")["devDependencies"]["solc"])


def test_there_are_contracts_to_compare() -> None:
    assert "Channels" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_ape_makes_the_bytecode_that_forge_makes(forge: Build, ape: Build, name: str) -> None:
    assert ape.contracts[name] == forge.contracts[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_py_solc_x_makes_the_bytecode_that_forge_makes(forge: Build, py_solc_x: Build, name: str) -> None:
    assert py_solc_x.contracts[name] == forge.contracts[name]


def test_the_forge_tests_deploy_what_is_shipped(forge: Build, tmp_path: Path) -> None:
    tested = forge_build(tmp_path, profile="default")

    for name in SHIPPED:
        if name != "DevUSDC":  # Play money, compiled the quick way.
            assert standard_bytecode(tested[name]) == forge.contracts[name]


def test_all_three_use_the_pinned_compiler(forge: Build, ape: Build, py_solc_x: Build) -> None:
    assert forge.version.startswith(f"{pinned_version()}+commit.")
    assert ape.version == forge.version
    assert py_solc_x.version == forge.version

"""The compiler's command line, as forge, ape and py-solc-x call it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PRAGMA = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.24;\n"


def solc(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts/solc", *arguments], input=text, capture_output=True, text=True, check=False)


def compile_standard(sources: dict[str, Any], *arguments: str, select: str = "evm.bytecode.object") -> Any:
    selection = {"*": {"": ["ast"], "*": [select]}}
    request = {"language": "Solidity", "sources": sources, "settings": {"outputSelection": selection}}
    done = solc("--standard-json", *arguments, text=json.dumps(request))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def messages(output: Any) -> str:
    return "\n".join(error["formattedMessage"] for error in output.get("errors", []))


def numbers(node: Any) -> list[int]:
    if isinstance(node, dict):
        return [found for child in node.values() for found in numbers(child)]
    if isinstance(node, list):
        return [found for child in node for found in numbers(child)]
    return [node] if isinstance(node, int) else []


def test_it_states_its_version_as_the_native_compiler_does() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]

    done = solc("--version")

    assert f"\nVersion: {pinned}+commit." in done.stdout


def test_it_reads_sources_by_url_and_imports_from_base_and_include_paths(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "included").mkdir()
    (tmp_path / "base/A.sol").write_text(PRAGMA + 'import {B} from "B.sol"; contract A is B {}')
    (tmp_path / "included/B.sol").write_text(PRAGMA + "contract B {}")

    output = compile_standard(
        {"A.sol": {"urls": ["A.sol"]}}, "--base-path", f"{tmp_path}/base", "--include-path", f"{tmp_path}/included"
    )

    assert output["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]


def test_it_reads_nothing_outside_the_allowed_folders(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "Secret.sol").write_text(PRAGMA + "contract Secret {}")
    source = PRAGMA + f'import "{tmp_path}/Secret.sol";'

    refused = compile_standard({"A.sol": {"content": source}}, "--base-path", f"{tmp_path}/base")
    allowed = compile_standard(
        {"A.sol": {"content": source}}, "--base-path", f"{tmp_path}/base", "--allow-paths", str(tmp_path)
    )

    assert "File outside of allowed directories." in messages(refused)
    assert not messages(allowed)


def test_built_in_symbols_have_negative_ids() -> None:
    source = PRAGMA + "contract A { function f() external view returns (uint256) { return block.number; } }"

    output = compile_standard({"A.sol": {"content": source}})

    found = numbers(output["sources"]["A.sol"]["ast"])
    assert min(found) < 0
    assert max(found) < 2**31


def test_the_bytecode_carries_metadata_only_when_asked_for() -> None:
    source = {"A.sol": {"content": PRAGMA + "contract A {}"}}
    request = {
        "language": "Solidity",
        "sources": source,
        "settings": {
            "metadata": {"bytecodeHash": "ipfs"},
            "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
        },
    }

    plain = compile_standard(source)
    asked = json.loads(solc("--standard-json", text=json.dumps(request)).stdout)

    mark = b"ipfs".hex()
    assert mark not in plain["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]
    assert mark in asked["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]


def test_an_unknown_argument_is_refused_with_the_usage() -> None:
    done = solc("--standard-json", "--gas")

    assert done.returncode == 1
    assert "unknown argument --gas" in done.stderr
    assert "usage: solc" in done.stderr

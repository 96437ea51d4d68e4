"""The standard JSON that explorers are given makes, by itself, the bytecode that is shipped."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "src/penstock/artifacts"
SHIPPED = sorted(file.stem for file in ARTIFACTS.glob("*.json"))


def test_every_shipped_contract_has_its_input() -> None:
    assert sorted(file.stem for file in (ARTIFACTS / "inputs").glob("*.json")) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_the_pinned_compiler_makes_the_shipped_bytecode_of_the_input_alone(name: str) -> None:
    shipped = json.loads((ARTIFACTS / f"{name}.json").read_text())
    text = (ARTIFACTS / "inputs" / f"{name}.json").read_text()

    output = compile_standard(text)

    # It needed no source but those in the file, and every one of them.
    assert output["sources"].keys() == json.loads(text)["sources"].keys()
    compiled = output["contracts"][shipped["sourceName"]][name]
    assert json.loads(compiled["metadata"])["compiler"]["version"] == shipped["compiler"]["version"]
    assert "0x" + compiled["evm"]["bytecode"]["object"] == shipped["bytecode"]
    assert "0x" + compiled["evm"]["deployedBytecode"]["object"] == shipped["deployedBytecode"]


def compile_standard(text: str) -> Any:
    done = subprocess.run(
        [ROOT / "scripts/solc", "--standard-json"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

"""The committed vectors are those that eth_account and the public package of Merkle trees give today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors"


def test_the_vectors_are_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(VECTORS / "generate.py"), str(tmp_path)], check=True)

    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert written == {file.name: file.read_text() for file in VECTORS.glob("*.json")}

"""A real node in a process of its own, on a real chain, and payers with money."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client.world import NodeProcess, new_node
from tests.support.anvil import Chain


@pytest.fixture
def node(ticking_chain: Chain, tmp_path: Path) -> Iterator[NodeProcess]:
    with new_node(ticking_chain, tmp_path / "node") as made:
        made.start()
        yield made

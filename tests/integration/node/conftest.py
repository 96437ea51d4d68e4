"""A node on fresh records, and a client that talks to it over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.nodes import NodeWorld, new_node, serve_node


@pytest.fixture
def world(tmp_path: Path) -> Iterator[NodeWorld]:
    with new_node(tmp_path) as made:
        yield made


@pytest.fixture
def http(world: NodeWorld) -> Iterator[httpx.Client]:
    with serve_node(world.node) as client:
        yield client

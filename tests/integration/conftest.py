"""A real chain for tests: one Anvil a session, returned to its first state after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.anvil import Chain, deploy, run_anvil


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_chain() -> Iterator[Chain]:
    with run_anvil() as anvil:
        yield deploy(anvil)


@pytest.fixture
def chain(shared_chain: Chain) -> Iterator[Chain]:
    """The contracts on a chain that mines each transaction at once; whatever a test does to it is undone."""
    before = shared_chain.anvil.snapshot()
    yield shared_chain
    # What still waits would be mined while the chain goes back: a block whose parent is not the one before.
    shared_chain.anvil.rpc("anvil_dropAllTransactions")
    shared_chain.anvil.revert(before)
    shared_chain.anvil.automine(enabled=True)


@pytest.fixture
def fresh_chain() -> Iterator[Chain]:
    """The contracts on a chain of the test's own: for reorgs, and for whatever ends the process."""
    with run_anvil() as anvil:
        yield deploy(anvil)


@pytest.fixture
def ticking_chain() -> Iterator[Chain]:
    """The contracts on a chain of the test's own with a block every second, as `penstock up` runs it."""
    with run_anvil("--block-time", "1") as anvil:
        yield deploy(anvil)

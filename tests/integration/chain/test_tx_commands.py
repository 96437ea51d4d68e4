"""An operator sees and steers transactions from the command line, with the process down or running."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.chain.account import Account
from penstock.cli import exits
from penstock.node.records import TransactionStatus
from penstock.storage.database import Database
from tests.integration.chain.sending import SOMEBODY, enqueue, look, signed, stored, transfer
from tests.support.anvil import Chain


@pytest.fixture
def home(chain: Chain, tmp_path: Path) -> Path:
    """A home whose node keeps its records where `database` has them."""
    settings = f"""
[chain]
rpc_url = "{chain.url}"
chain_id = {chain.domain.chain_id}
contract = "{chain.contract}"

[node]
tokens = ["{chain.token}"]
database_url = "sqlite:///{tmp_path / "records.db"}"
"""
    (tmp_path / "penstock.toml").write_text(settings)
    return tmp_path


def penstock(home: Path, *words: str, expected: int = exits.DONE) -> subprocess.CompletedProcess[str]:
    """Run `penstock tx` as an operator does."""
    command = [sys.executable, "-m", "penstock.cli", "tx", *words, "--home", str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == expected, ended.stderr
    return ended


def tx(home: Path, *words: str, expected: int = exits.DONE) -> Any:
    """Run `penstock tx ... --json` and return what it printed."""
    ended = penstock(home, *words, "--json", expected=expected)
    return json.loads(ended.stdout if expected == exits.DONE else ended.stderr)


def test_what_is_under_way_is_listed_and_shown(chain: Chain, home: Path, database: Database, account: Account) -> None:
    first, second = transfer(chain, 5, budget=10**16), transfer(chain, 7, deadline=chain.anvil.time + 500)
    enqueue(database, first)
    look(chain, database, account)
    enqueue(database, second)

    listed = tx(home, "list")
    assert [(each["key"], each["status"]) for each in listed] == [(first.key, "signed"), (second.key, "queued")]
    shown = tx(home, "show", str(listed[0]["id"]))
    assert shown == listed[0] == tx(home, "show", first.key)
    assert shown["budgetWei"] == str(10**16)
    assert shown["hashes"] == [str(signed(database, first).hash)]


def test_people_see_tables(chain: Chain, home: Path, database: Database, account: Account) -> None:
    assert "nothing is under way" in penstock(home, "list").stdout
    enqueue(database, transfer(chain, 5, budget=10**16))
    look(chain, database, account)
    assert "0.01 ETH" in penstock(home, "list").stdout
    assert "gwei with a tip of" in penstock(home, "show", "1").stdout


def test_a_bump_raises_the_fees(chain: Chain, home: Path, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)
    before = signed(database, intent).max_fee_per_gas

    assert tx(home, "bump", "transfer:")["bumpRequested"] is True
    look(chain, database, account)

    assert 8 * signed(database, intent).max_fee_per_gas >= 9 * before
    assert tx(home, "show", "1")["bumpRequested"] is False


def test_a_cancelled_one_has_no_effect(chain: Chain, home: Path, database: Database, account: Account) -> None:
    intent = transfer(chain, 5)
    enqueue(database, intent)
    look(chain, database, account)

    assert tx(home, "cancel", "1")["cancelRequested"] == "cancelled by the operator"
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)
    chain.anvil.mine()
    look(chain, database, account)

    assert stored(database, intent).status is TransactionStatus.CANCELLED
    assert chain.balance(SOMEBODY) == 0
    assert tx(home, "list") == []
    assert tx(home, "list", "--all")[0]["status"] == "cancelled"
    assert tx(home, "cancel", "1", expected=exits.FAILED)["error"]["code"] == "record-conflict"


def test_what_cannot_be_meant_is_said(chain: Chain, home: Path, database: Database) -> None:
    enqueue(database, transfer(chain, 5), transfer(chain, 7))

    unclear = tx(home, "show", "transfer", expected=exits.USAGE)["error"]
    assert (unclear["code"], unclear["values"]["found"]) == ("transaction-unclear", "2")
    assert tx(home, "show", "99", expected=exits.USAGE)["error"]["code"] == "transaction-unclear"
    missing = tx(home, "list", "--of", "watcher", expected=exits.USAGE)["error"]
    assert missing["code"] == "records-missing"

"""The demo's narration and accounts, without the demo."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from penstock.chain import calls
from penstock.chain.artifacts import artifact
from penstock.chain.create2 import PROXY, plan_contracts
from penstock.cli.anvil import MinedTransaction
from penstock.cli.demo_audit import Audit, Holding, call_of
from penstock.cli.demo_stage import Stage
from penstock.cli.errors import UnitsMissing
from penstock.protocol.primitives import Address
from tests.support.parties import PAYER, make_channel

TRANSACTION = MinedTransaction(7, "0xabc", PAYER.address, Address(b"\x01" * 20), b"", 0, 21_000, succeeded=True)
FAIR = Audit(
    holdings=[Holding("payer", 100, 70, 70), Holding("agent", 0, 30, 30), Holding("contract", 0, 0, 0)],
    supply=100,
    transactions=[replace(TRANSACTION, data=calls.settle(make_channel()))],
    names={PAYER.address: "payer"},
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_fair_end_passes() -> None:
    FAIR.check()


@pytest.mark.parametrize(
    ("who", "after", "missing"), [("payer", 69, "payer"), ("agent", 31, "agent"), ("contract", 1, "contract")]
)
def test_one_unit_in_the_wrong_place_is_noticed(who: str, after: int, missing: str) -> None:
    holdings = [replace(each, after=after) if each.who == who else each for each in FAIR.holdings]

    with pytest.raises(UnitsMissing) as caught:
        replace(FAIR, holdings=holdings).check()

    assert caught.value.who == missing


def test_a_unit_that_nobody_has_is_noticed() -> None:
    with pytest.raises(UnitsMissing, match="everyone together holds 100 units, expected 101"):
        replace(FAIR, supply=101).check()


def test_programs_get_amounts_as_strings_and_senders_by_name() -> None:
    data = FAIR.data()

    assert data["supply"] == "100"
    assert data["holdings"][1] == {"who": "agent", "before": "0", "after": "30", "expected": "30"}  # type: ignore[index]
    assert data["transactions"] == [
        {"block": 7, "hash": "0xabc", "sender": "payer", "call": "settle", "gasUsed": 21_000, "succeeded": True}
    ]


@pytest.mark.parametrize(
    ("receiver", "data", "name"),
    [
        (None, artifact("Channels").bytecode + b"\x00" * 64, "deploy Channels"),
        (None, artifact("DevUSDC").bytecode, "deploy DevUSDC"),
        (None, b"\x60", "deploy a contract"),
        (TRANSACTION.receiver, calls.start_close(make_channel()), "startClose"),
        (TRANSACTION.receiver, calls.mint(PAYER.address, 1), "mint"),
        (TRANSACTION.receiver, b"", "an unknown call"),
        *((PROXY, planned.call, f"deploy {planned.name}") for planned in plan_contracts(1, 10)),
    ],
)
def test_a_transaction_is_named_by_what_it_calls(receiver: Address | None, data: bytes, name: str) -> None:
    assert call_of(replace(TRANSACTION, receiver=receiver, data=data)) == name


def test_without_a_terminal_the_story_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(silent=False)

    stage.act(2, "Payments")
    with stage.counting("payments", 8) as step:
        for _ in range(8):
            step()
    with stage.waiting("waiting"):
        stage.good("done")

    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert [line.strip() for line in said.splitlines() if "of 8" in line] == [
        f"{n} of 8 payments" for n in (2, 4, 6, 8)
    ]
    assert "8 payments in 0.0 s" in said
    assert "waiting …" in said


def test_in_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    stage = Stage(silent=False)

    with stage.counting("payments", 8) as step:
        step()

    assert "━" in terminal.getvalue()
    assert "8 payments in" in terminal.getvalue()


def test_a_silent_stage_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(silent=True)

    stage.act(1, "Opening")
    with stage.counting("payments", 1) as step:
        step()

    assert capsys.readouterr().out == ""

"""Settlement arithmetic equals the shared vectors that forge reads too (docs/protocol.md, section 2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.protocol.invariants import pays_what_came_in
from penstock.protocol.messages import State
from penstock.protocol.onchain import OnChain, Open
from penstock.protocol.primitives import ZERO_WORD
from penstock.protocol.settlement import Payout, settle

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "vectors/settlements.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_a_settlement_divides_as_the_vectors_say(case: dict[str, Any]) -> None:
    onchain = OnChain(
        Open(), *(int(case[k]) for k in ("payerDeposit", "payeeDeposit", "payerWithdrawn", "payeeWithdrawn"))
    )
    state = State(ZERO_WORD, 1, int(case["paid"]), int(case["payerLocked"]), int(case["payeeLocked"]))

    payout = settle(onchain, state)

    expected = (int(case["expect"][k]) for k in ("payerPaid", "payeePaid", "payerPool", "payeePool"))
    assert payout == Payout(*expected)
    pays_what_came_in(onchain, payout)

"""The ceiling: how often one core can decide and co-sign, without any input or output."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.workload import Lane
from penstock.chain.account import Account
from penstock.protocol.proposals import CauseRecords, accept, check_authentic
from tests.support.parties import DOMAIN, PAYEE

_NOTHING = CauseRecords(frozenset(), {})


def measure(lanes: Sequence[Lane]) -> float:
    """Return updates per second of the accept function alone: digest, recover, checks, co-sign."""
    account = Account(PAYEE.key.secret)
    count = 0
    started = time.perf_counter()
    for lane in lanes:
        position = lane.position
        for proposal in lane.proposals:
            check_authentic(position, proposal, None, DOMAIN)
            position = accept(position, proposal, _NOTHING, DOMAIN)
            account.sign_digest(DOMAIN.digest(proposal.state))
            count += 1
    return count / (time.perf_counter() - started)

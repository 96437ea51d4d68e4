"""Which transactions carry out what a look found: many channels in one where that is safe. Without I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_

from penstock.chain import calls
from penstock.node.records import BATCH_MAX, Intent, Item, Priority, Watch, batch_key
from penstock.protocol.primitives import Address
from penstock.protocol.watch_policy import Action, Challenge, Collect, Settle

_PAYOUT_GAS_MAX = 5_000_000
"""Far more than any honest token takes: anyone may open channels with a token whose transfers burn all gas."""

PURPOSES: dict[type[Action], str] = {Challenge: "challenge", Collect: "collect", Settle: "settle"}


@dataclass(frozen=True, slots=True)
class Need:
    """Something to be sent for one channel; ``key`` is its own, ``budget`` in wei."""

    watch: Watch
    action: Action
    key: str
    budget: int | None


def plan(
    needs: Sequence[Need], contract: Address, trusted_tokens: Collection[Address]
) -> Iterator[tuple[Intent, list[Item]]]:
    """Yield the transactions that carry out all needs, and what each does where it is about several channels.

    A challenge calls nothing outside, so any of them go together. What pays out runs the token's code: only those
    of trusted tokens share a transaction, or one token could burn the gas of all the others.
    """
    for kind in PURPOSES:
        of_kind = [need for need in needs if isinstance(need.action, kind)]
        shares = [kind is Challenge or need.watch.channel.token in trusted_tokens for need in of_kind]
        together = list(compress(of_kind, shares))
        alone = list(compress(of_kind, map(not_, shares)))
        chunks = [together[at : at + BATCH_MAX] for at in range(0, len(together), BATCH_MAX)]
        for chunk in [*chunks, *([need] for need in alone)]:
            yield _single(chunk[0], contract) if len(chunk) == 1 else _batch(kind, chunk, contract)


def _single(need: Need, contract: Address) -> tuple[Intent, list[Item]]:
    action = need.action
    intent = Intent(
        key=need.key,
        purpose=PURPOSES[type(action)],
        receiver=contract,
        data=_calldata(need),
        channel_id=need.watch.channel_id,
        deadline=_deadline([need]),
        gas_max=None if isinstance(action, Challenge) else _PAYOUT_GAS_MAX,
        budget=need.budget,
        priority=_priority(action),
    )
    return intent, []


def _batch(kind: type[Action], needs: Sequence[Need], contract: Address) -> tuple[Intent, list[Item]]:
    budgets = [need.budget for need in needs if need.budget is not None]
    intent = Intent(
        key=batch_key(PURPOSES[kind], (need.key for need in needs)),
        purpose=PURPOSES[kind],
        receiver=contract,
        data=_calldata_many(kind, needs),
        deadline=_deadline(needs),
        budget=sum(budgets) if budgets else None,
        priority=_priority(needs[0].action),
    )
    return intent, [Item(need.key, need.watch.channel_id) for need in needs]


def _priority(action: Action) -> Priority:
    return Priority.ROUTINE if isinstance(action, Settle) else Priority.URGENT


def _deadline(needs: Iterable[Need]) -> int | None:
    deadlines = [need.action.deadline for need in needs if not isinstance(need.action, Settle)]
    return min(deadlines) if deadlines else None


def _calldata(need: Need) -> bytes:
    channel = need.watch.channel
    match need.action:
        case Challenge(evidence=state):
            return calls.challenge(channel, state)
        case Collect(evidence=voucher):
            return calls.collect(channel, voucher)
        case Settle():
            return calls.settle(channel)


def _calldata_many(kind: type[Action], needs: Sequence[Need]) -> bytes:
    pairs = [(need.watch.channel, need.action) for need in needs]
    if kind is Challenge:
        return calls.challenge_many([(c, a.evidence) for c, a in pairs if isinstance(a, Challenge)])
    if kind is Collect:
        return calls.collect_many([(c, a.evidence) for c, a in pairs if isinstance(a, Collect)])
    return calls.settle_many([c for c, _ in pairs])

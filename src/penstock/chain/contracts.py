"""The contract `Channels` as it is read: channels, events, bounds (docs/protocol.md, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Self

from penstock.chain.abi import UndecodableError
from penstock.chain.artifacts import artifact
from penstock.chain.errors import ForeignContract, ImplausibleLogs, RpcUnavailable
from penstock.chain.rpc import BlockId, Log, Rpc
from penstock.protocol import onchain
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.messages import Channel, State
from penstock.protocol.onchain import Closing, Ended, Event, EventRef, OnChain, Open, Phase, Unopened
from penstock.protocol.primitives import Address, Bytes32

_NONE, _OPEN, _CLOSING, _SETTLED = range(4)
"""The contract's enum `Phase`."""


class ChannelsContract:
    """One deployment of `Channels`, read through one endpoint; made by `connect`."""

    def __init__(self, rpc: Rpc, domain: Domain) -> None:
        self._rpc = rpc
        self.domain = domain

    @classmethod
    async def connect(cls, rpc: Rpc, address: Address) -> Self:
        """Return the contract at ``address`` once its domain separator proves that it is ours.

        Raises
        ------
        NoContract, ForeignContract
            Nothing stands there, or something else.
        RpcUnavailable, RpcRefused
            The endpoint does not serve.
        """
        await rpc.require_code(address)
        contract = cls(rpc, Domain(rpc.chain_id, address))
        separator = (await contract._call("domainSeparator"))[0]
        if separator != contract.domain.separator:
            raise ForeignContract(str(address), contract.domain.separator, separator)
        return contract

    @property
    def address(self) -> Address:
        """Return where it stands."""
        return self.domain.contract

    async def get_channel(self, channel_id: Bytes32, block: BlockId = "latest") -> OnChain:
        """Return what the contract knows of a channel at a block.

        The contract keeps a disputed state only as the shares it gives. The state returned for `Closing` has its
        sequence and root, and amounts that give the same shares; they are the signed ones unless these exceeded
        the deposits. After an agreed close the shares are in the event `Closed` only, and `Ended` has zeros.
        """
        (view,) = await self._call("getChannel", bytes(channel_id), block=block)
        phase, deadline, payer_deposit, payer_withdrawn, payee_deposit, payee_withdrawn, *dispute = view
        return OnChain(
            phase=_phase(channel_id, phase, deadline, payer_deposit - payer_withdrawn, dispute),
            payer_deposit=payer_deposit,
            payee_deposit=payee_deposit,
            payer_withdrawn=payer_withdrawn,
            payee_withdrawn=payee_withdrawn,
        )

    async def challenge_period_bounds(self) -> tuple[int, int]:
        """Return the shortest and the longest challenge period accepted, in seconds."""
        return (await self._call("minChallengePeriod"))[0], (await self._call("maxChallengePeriod"))[0]

    async def claim_of(self, token: Address, creditor: Address) -> int:
        """Return what ``creditor`` can claim."""
        return int((await self._call("claims", str(token), str(creditor)))[0])

    async def events_in(self, block_hash: Bytes32) -> list[tuple[EventRef, Event]]:
        """Return the events of exactly this block, in order; raises `ImplausibleLogs`."""
        return _decode_all(await self._rpc.logs_in(block_hash, self.address))

    async def events_between(
        self, first: int, last: int, channel_id: Bytes32 | None = None
    ) -> list[tuple[EventRef, Event]]:
        """Return the events of blocks ``first`` to ``last``, in order, of one channel or of all.

        Raises
        ------
        ImplausibleLogs
            A log is not what the contract emits.
        """
        topics = (None, channel_id) if channel_id else ()
        return _decode_all(await self._rpc.logs_between(first, last, self.address, topics))

    async def opened_by(self, payer: Address, first: int, last: int) -> list[onchain.ChannelOpened]:
        """Return the channels that name ``payer``, opened in blocks ``first`` to ``last``: to find lost ones."""
        topic = artifact("Channels").interface.event("ChannelOpened").topic
        padded = Bytes32(payer.rjust(Bytes32.size, b"\0"))
        logs = await self._rpc.logs_between(first, last, self.address, (topic, None, padded))
        return [event for _, event in _decode_all(logs) if isinstance(event, onchain.ChannelOpened)]

    async def _call(self, name: str, *arguments: object, block: BlockId = "latest") -> tuple[Any, ...]:
        function = artifact("Channels").interface.function(name, len(arguments))
        data = await self._rpc.call(self.address, function.encode(*arguments), block)
        try:
            return function.decode(data)
        except UndecodableError as error:
            raise RpcUnavailable(self._rpc.url, "eth_call", f"{name}: {error}") from error


def decode_log(log: Log) -> tuple[EventRef, Event] | None:
    """Return a log of the contract as an event with its place; None for one that is not about a channel.

    Raises
    ------
    ImplausibleLogs
        It is not laid out as the contract does.
    """
    known = artifact("Channels").interface.events.get(Bytes32(log.topics[0])) if log.topics else None
    build = _builders().get(known.name) if known else None
    if known is None or build is None:
        return None
    try:
        event = build(known.decode(log.topics, log.data))
    except (UndecodableError, PenstockError) as error:
        raise ImplausibleLogs(log.block_number, str(error)) from error
    return EventRef(log.block_number, log.block_hash, log.transaction_hash, log.log_index), event


def _decode_all(logs: list[Log]) -> list[tuple[EventRef, Event]]:
    ordered = sorted(logs, key=lambda log: (log.block_number, log.log_index))
    return [decoded for decoded in map(decode_log, ordered) if decoded is not None]


@cache
def _builders() -> dict[str, Callable[[Mapping[str, Any]], Event]]:
    return {
        "ChannelOpened": lambda v: onchain.ChannelOpened(
            Bytes32(v["channelId"]), _terms(v["channel"]), v["payerDeposit"], v["payeeDeposit"]
        ),
        "Deposited": lambda v: onchain.Deposited(Bytes32(v["channelId"]), v["payerDeposit"], v["payeeDeposit"]),
        "Withdrawn": lambda v: onchain.Withdrawn(Bytes32(v["channelId"]), v["payerWithdrawn"], v["payeeWithdrawn"]),
        "Collected": lambda v: onchain.Collected(Bytes32(v["channelId"]), v["collected"]),
        "ClosingStarted": lambda v: onchain.ClosingStarted(Bytes32(v["channelId"]), v["deadline"]),
        "Challenged": lambda v: onchain.Challenged(Bytes32(v["channelId"]), _state(v["channelId"], v["state"])),
        "Closed": lambda v: onchain.Closed(Bytes32(v["channelId"]), v["payerPaid"], v["payeePaid"]),
        "Settled": lambda v: onchain.Settled(
            Bytes32(v["channelId"]), v["payerPaid"], v["payeePaid"], v["payerPool"], v["payeePool"]
        ),
        "Unlocked": lambda v: onchain.Unlocked(
            Bytes32(v["channelId"]),
            Bytes32(v["lockId"]),
            v["index"],
            v["payerAmount"],
            v["payeeAmount"],
            v["payerPool"],
            v["payeePool"],
        ),
    }


def _terms(values: tuple[Any, ...]) -> Channel:
    *accounts, period, one_way, salt = values
    payer, payee, payer_signer, payee_signer, token = (Address(bytes.fromhex(a[2:])) for a in accounts)
    return Channel(payer, payee, payer_signer, payee_signer, token, period, one_way, salt)


def _state(channel_id: bytes, values: tuple[Any, ...]) -> State:
    sequence, paid, payer_locked, payee_locked, locks_root = values
    return State(Bytes32(channel_id), sequence, paid, payer_locked, payee_locked, Bytes32(locks_root))


def _phase(channel_id: Bytes32, phase: int, deadline: int, payer_share: int, dispute: list[Any]) -> Phase:
    sequence, payer_paid, payee_paid, payer_pool, payee_pool, locks_root, _resolved = dispute
    if phase == _NONE:
        return Unopened()
    if phase == _OPEN:
        return Open()
    if phase == _SETTLED:
        return Ended(payer_paid, payee_paid, payer_pool, payee_pool)
    if sequence == 0:
        return Closing(deadline, State(channel_id, 0, 0))
    paid = payer_share - payer_paid - payer_pool
    return Closing(deadline, State(channel_id, sequence, paid, payer_pool, payee_pool, Bytes32(locks_root)))

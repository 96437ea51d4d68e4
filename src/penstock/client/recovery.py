"""Going on after the local store was lost: ask the node and the watchers, believe only our own signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from penstock.client.errors import NodeMisbehaved
from penstock.client.lane import Lane, Session
from penstock.client.node_api import NodeView
from penstock.client.watchers import WatcherClient
from penstock.protocol.errors import ForeignChannel, PenstockError
from penstock.protocol.messages import Channel, SignedState, SignedVoucher
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import check_signer

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Findings:
    """What the others kept: the terms, and states and vouchers with our genuine signature."""

    terms: Channel | None = None
    states: list[SignedState] = field(default_factory=list)
    vouchers: list[SignedVoucher] = field(default_factory=list)
    highest: int = 0


class Recovery:
    """Rebuild channels from what the node and the watchers hold (docs/protocol.md, section 3)."""

    def __init__(self, session: Session, watchers: Sequence[WatcherClient]) -> None:
        self._session = session
        self._watchers = watchers

    async def recover(self, channel_id: Bytes32, terms: Channel | None = None) -> Lane:
        """Store a channel with the highest state or voucher that anyone shows with our genuine signature.

        Who is silent or lies is passed over, as long as somebody, or ``terms``, tells the terms that the id commits
        to. Numbers go on 2^31 plus a random number below 2^31 above the highest one seen.

        Raises
        ------
        NodeUnreachable, NodeMisbehaved, PenstockError
            Nobody told the terms: the node's own failure.
        ForeignChannel
            Another key is the payer's signer.
        """
        findings = _Findings(terms)
        failure = await self._ask_node(channel_id, findings)
        for watcher in self._watchers:
            await self._ask_watcher(watcher, channel_id, findings)
        if findings.terms is None:
            raise failure or NodeMisbehaved(self._session.node.url, "recovery", "the channel's terms", "nothing")
        lane = Lane(self._session, findings.terms)
        await self._store(lane, findings)
        await lane.look()
        return lane

    async def _ask_node(self, channel_id: Bytes32, findings: _Findings) -> PenstockError | None:
        try:
            view = await self._session.node.show(channel_id)
            self._take_view(channel_id, view, findings)
        except PenstockError as error:
            log.warning("recovery_without_node", channel_id=str(channel_id), reason=str(error))
            return error
        return None

    def _take_view(self, channel_id: Bytes32, view: NodeView, findings: _Findings) -> None:
        named = self._session.book.domain.channel_id(view.channel)
        if named != channel_id:
            raise NodeMisbehaved(
                self._session.node.url, f"GET /v1/channels/{channel_id}", f"terms of {channel_id}", f"terms of {named}"
            )
        findings.terms = view.channel
        findings.highest = view.highest_seen
        if view.newest is not None:
            self._take_state(view.channel, view.newest, findings)
        if view.voucher is not None:
            self._take_voucher(view.channel, view.voucher, findings)

    async def _ask_watcher(self, watcher: WatcherClient, channel_id: Bytes32, findings: _Findings) -> None:
        try:
            held = await watcher.evidence(channel_id)
        except PenstockError as error:
            log.warning("recovery_without_watcher", watcher=watcher.url, reason=str(error))
            return
        if held is None:
            return
        findings.terms, evidence = held
        if isinstance(evidence, SignedState):
            findings.states.append(evidence)
        else:
            findings.vouchers.append(evidence)

    def _take_state(self, channel: Channel, signed: SignedState, findings: _Findings) -> None:
        digest = self._session.book.domain.digest(signed.state)
        check_signer(digest, signed.payer_signature, channel.payer_signer)
        if signed.payee_signature:
            check_signer(digest, signed.payee_signature, channel.payee_signer)
        findings.states.append(signed)

    def _take_voucher(self, channel: Channel, signed: SignedVoucher, findings: _Findings) -> None:
        check_signer(self._session.book.domain.digest(signed.voucher), signed.payer_signature, channel.payer_signer)
        findings.vouchers.append(signed)

    async def _store(self, lane: Lane, findings: _Findings) -> None:
        book, terms = self._session.book, lane.terms
        if terms.payer_signer != book.signer.address:
            raise ForeignChannel(str(book.signer.address), str(terms.payer_signer))
        await lane.run(lambda uow: book.record_recovery(uow, terms, findings.states, findings.highest))
        best = max(findings.vouchers, key=lambda signed: signed.voucher.paid, default=None)
        position: Position = await self._session.database.read(lambda uow: book.load(uow, lane.channel_id))
        held = position.voucher.voucher.paid if position.voucher else 0
        if best is not None and best.voucher.paid > held:
            await lane.run(lambda uow: book.take_voucher(uow, lane.channel_id, best))
        self._session.evidence_changed()

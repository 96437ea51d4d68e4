"""Taking evidence: checked, stored, and only then receipted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from penstock.chain.signer import Signer
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Block, Watch
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import ChannelSettled, ChannelUnopened, VoucherNotHigher
from penstock.protocol.messages import Channel, Receipt, SignedState, SignedVoucher
from penstock.protocol.onchain import Ended, Unopened
from penstock.protocol.watch_policy import Evidence, check_evidence, is_newer, receipt_for
from penstock.watcher.guard import Finding, Guard
from penstock.watcher.metrics import Metrics

log = structlog.get_logger("penstock.watcher")


@dataclass(frozen=True, slots=True)
class _Taken:
    held: Evidence
    received_at: int
    stored: bool
    findings: list[Finding]
    head: Block | None


class Intake:
    """Takes evidence from anyone, for any channel that the chain knows.

    A channel must have a deposit on chain in a block that this watcher has followed: signatures are free to make,
    so what an outsider can fill the store with is bounded by the openings it pays gas for.
    """

    def __init__(
        self,
        database: Database,
        guard: Guard,
        signer: Signer,
        domain: Domain,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._guard = guard
        self._signer = signer
        self._domain = domain
        self._metrics = metrics
        self._clock = clock

    async def take(self, channel: Channel, evidence: Evidence) -> tuple[Receipt, bytes]:
        """Keep ``evidence`` if it is newer than what is held; return the receipt for what is held then.

        The same evidence gets the same receipt, byte for byte, for as long as it is the newest. An older state
        gets the receipt for the newer one, whose sequence tells the sender that it is protected; an older voucher
        is refused, as its receipt could not tell.

        Raises
        ------
        WrongKind, MalformedSignature, HighS, WrongSigner
            The contract would not take it.
        ChannelUnopened
            No deposit is on chain as far as this watcher has followed it; send it again later.
        ChannelSettled
            It is new, and too late.
        VoucherNotHigher
            A higher voucher is held.
        StorageUnavailable
            Nothing is promised: send it again.
        """
        check_evidence(channel, evidence, self._domain)
        channel_id = self._domain.channel_id(channel)
        watch = Watch(channel_id, channel, evidence)
        taken = await self._database.run(lambda uow: self._store(uow, watch))
        self._metrics.evidence.labels("stored" if taken.stored else "known").inc()
        if taken.head:
            self._guard.report(taken.findings, taken.head)
        receipt = receipt_for(taken.held, taken.received_at, self._domain)
        return receipt, self._signer.sign_receipt(receipt)

    def _store(self, uow: UnitOfWork, watch: Watch) -> _Taken:
        phase = uow.chain.onchain(watch.channel_id).phase
        if isinstance(phase, Unopened):
            raise ChannelUnopened(str(watch.channel_id))
        held = uow.watched.get(watch.channel_id)
        if held and not is_newer(watch.evidence, held.evidence):
            _compare(watch, held)
            received_at = uow.watched.received_at(watch.channel_id)
            assert received_at is not None
            return _Taken(held.evidence, received_at, stored=False, findings=[], head=None)
        if isinstance(phase, Ended):
            raise ChannelSettled(str(watch.channel_id))
        now = self._clock()
        uow.watched.put(watch, now)
        head = uow.chain.cursor()
        assert head is not None
        # Evidence that comes in the middle of a dispute is not left waiting for the next block.
        findings = self._guard.look(uow, [watch], head)
        return _Taken(watch.evidence, now, stored=True, findings=findings, head=head)


def _compare(watch: Watch, held: Watch) -> None:
    """Look at what is not newer: refuse a lower voucher, and say so if two states have one sequence.

    Of such two the contract would take whichever comes first, and so does the watcher.
    """
    match watch.evidence, held.evidence:
        case SignedVoucher(voucher=new), SignedVoucher(voucher=old) if new.paid < old.paid:
            raise VoucherNotHigher(new.paid, old.paid)
        case SignedState(state=new), SignedState(state=old) if new.sequence == old.sequence and new != old:
            log.warning("equivocation", channel=str(watch.channel_id), sequence=new.sequence)
        case _:
            pass

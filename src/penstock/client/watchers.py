"""Watchers as a party uses them: hand over the newest evidence, and get it back after a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx
import msgspec

from penstock.client.errors import WatcherMisbehaved, WatcherRefused, WatcherUnreachable
from penstock.client.exchange import Answer, Exchange, NoAnswer, TooLong
from penstock.client.patience import Patience
from penstock.client.problems import Problem
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.messages import Channel, Receipt, SignedState
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import recover
from penstock.protocol.watch_policy import Evidence, check_evidence, receipt_for
from penstock.protocol.wire import (
    EvidenceJson,
    ReceiptJson,
    evidence_from_json,
    evidence_to_json,
    receipt_from_json,
)

T = TypeVar("T")
S = TypeVar("S")

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class WatcherAddress:
    """Where a watcher is, and the address of the key that signs its receipts.

    Without one, the key of the first receipt is taken for the watcher's while the process runs.
    """

    url: str
    signer: Address | None = None


class WatcherClient:
    """Talk to one watcher; implements `penstock.node.outside.Courier`.

    Parameters
    ----------
    authorize
        Returns the ``Authorization`` header for a method and a path; only `evidence` needs it.
    """

    def __init__(
        self,
        address: WatcherAddress,
        http: httpx.AsyncClient,
        domain: Domain,
        patience: Patience | None = None,
        authorize: Callable[[str, str], str] | None = None,
    ) -> None:
        self._exchange = Exchange(address.url, http, patience or Patience())
        self._signer = address.signer
        self._domain = domain
        self._authorize = authorize

    @property
    def url(self) -> str:
        """Return the watcher's address."""
        return self._exchange.url

    async def deliver(self, channel: Channel, evidence: Evidence) -> tuple[Receipt, bytes]:
        """Hand over evidence; return the receipt, for it or for a newer state, and the watcher's signature.

        Raises
        ------
        WatcherUnreachable, WatcherRefused
            It gave no receipt.
        WatcherMisbehaved
            The receipt is for something else or by another key.
        """
        body = msgspec.json.encode(evidence_to_json(channel, evidence, self._domain))
        answer = await self._ask("POST", "/v1/evidence", body)
        receipt, signature = self._read(answer, ReceiptJson, receipt_from_json)
        expected = receipt_for(evidence, receipt.received_at, self._domain)
        if receipt != expected and not _covers_more(receipt, expected, evidence):
            raise WatcherMisbehaved(self.url, str(expected), str(receipt))
        self._check_signer(receipt, signature)
        return receipt, signature

    async def evidence(self, channel_id: Bytes32) -> tuple[Channel, Evidence] | None:
        """Ask for the evidence held for a channel of ours, None if there is none; all signatures are checked.

        Raises
        ------
        WatcherUnreachable, WatcherRefused, WatcherMisbehaved
            As `deliver`.
        """
        path = f"/v1/channels/{channel_id}"
        headers = {"authorization": self._authorize("GET", path)} if self._authorize else {}
        answer = await self._ask("GET", path, None, headers)
        if answer.status == _NOT_FOUND:
            return None
        channel, evidence = self._read(answer, EvidenceJson, lambda shape: evidence_from_json(shape, self._domain))
        named = self._domain.channel_id(channel)
        if named != channel_id:
            raise WatcherMisbehaved(self.url, str(channel_id), str(named))
        try:
            check_evidence(channel, evidence, self._domain)
        except PenstockError as error:
            raise WatcherMisbehaved(self.url, "evidence that the contract takes", str(error)) from error
        return channel, evidence

    async def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] = {}) -> Answer:
        try:
            return await self._exchange.ask(method, path, body, headers)
        except (NoAnswer, TooLong) as error:
            raise WatcherUnreachable(self.url, str(error) or "an endless answer") from error

    def _read(self, answer: Answer, shape: type[S], read: Callable[[S], T]) -> T:
        if not answer.ok:
            problem = self._decode(answer, Problem)
            raise WatcherRefused(self.url, answer.status, problem.code, problem.detail)
        decoded = self._decode(answer, shape)
        try:
            return read(decoded)
        except PenstockError as error:
            raise WatcherMisbehaved(self.url, "fields of their form", str(error)) from error

    def _decode(self, answer: Answer, shape: type[S]) -> S:
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WatcherMisbehaved(
                self.url, f"{shape.__name__} as JSON", f"status {answer.status}, {error}"
            ) from error

    def _check_signer(self, receipt: Receipt, signature: bytes) -> None:
        try:
            signer = recover(self._domain.digest(receipt), signature)
        except PenstockError as error:
            raise WatcherMisbehaved(self.url, "a signed receipt", str(error)) from error
        self._signer = self._signer or signer
        if signer != self._signer:
            raise WatcherMisbehaved(self.url, f"a receipt signed by {self._signer}", f"one signed by {signer}")


def _covers_more(receipt: Receipt, expected: Receipt, evidence: Evidence) -> bool:
    """Tell whether a receipt is for a newer state: the watcher was given one by somebody else."""
    return (
        isinstance(evidence, SignedState)
        and receipt.channel_id == expected.channel_id
        and receipt.sequence > expected.sequence
    )

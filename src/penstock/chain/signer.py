"""The signer: one key, one memory of what it promised (docs/protocol.md, section 3; INV-12)."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from penstock.chain.account import Account
from penstock.chain.errors import CloseContradictsMark
from penstock.chain.marks import Mark, Marks
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import BelowMark, SignerClosed
from penstock.protocol.messages import Close, Receipt, Request, State, Voucher, Withdrawal
from penstock.protocol.primitives import ZERO_WORD, Address, Bytes32


class Signer:
    """Sign messages above the mark, or the very same message again, and nothing else.

    A mark is staged as its message is signed and durable after `flush`. **No signature may leave the process
    before `flush`**: give `flush` to `Database` as its barrier, and it runs before every COMMIT. A mark that
    outlives a failed COMMIT does no harm: the same message can be signed again, byte for byte.

    Parameters
    ----------
    key
        The private key, 32 bytes.
    marks
        The file that holds the marks; made if missing. One key has one file and one process.
    domain
        Chain and contract that every signature is bound to.

    Raises
    ------
    InvalidKey, SignerInUse, ForeignMarks, MarksUnavailable
        The signer cannot start.
    """

    def __init__(self, key: bytes, marks: Path, domain: Domain) -> None:
        self._account = Account(key)
        self._domain = domain
        self._mutex = threading.Lock()
        self._marks = Marks(marks, self._account.address)

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Signer({self.address})"

    @property
    def address(self) -> Address:
        """Return the address that signatures recover to."""
        return self._account.address

    def mark(self, channel_id: Bytes32) -> Mark:
        """Return what this key has signed in a channel."""
        return self._marks.get(channel_id)

    def sign_state(self, state: State, *, cosigned: bool) -> bytes:
        """Sign a state (65 bytes).

        Parameters
        ----------
        cosigned
            The counterparty's signature is held already, so that this one makes the state co-signed.

        Raises
        ------
        BelowMark
            The key signed another state with this sequence, or one with a higher sequence (INV-12).
        SignerClosed
            The key signed a `Close` in this channel.
        MarksUnavailable
            The marks cannot be read or written.
        """
        digest = self._domain.digest(state)
        with self._mutex:
            mark = self._open_mark(state.channel_id)
            again = state.sequence == mark.highest and digest == mark.digest
            if state.sequence <= mark.highest and not again:
                raise BelowMark(state.sequence, mark.highest)
            after = replace(
                mark,
                highest=state.sequence,
                digest=digest,
                paid=state.paid,
                locked=state.payer_locked + state.payee_locked,
                cosigned=max(mark.cosigned, state.sequence) if cosigned else mark.cosigned,
            )
            self._stage(mark, after)
            return self._account.sign_digest(digest)

    def note_cosigned(self, channel_id: Bytes32, sequence: int) -> None:
        """Raise the newest co-signed sequence; one above the mark (a recovered channel) raises the mark too."""
        with self._mutex:
            mark = self._marks.get(channel_id)
            after = replace(mark, cosigned=max(mark.cosigned, sequence))
            if sequence > mark.highest:
                after = replace(after, highest=sequence, digest=ZERO_WORD, paid=None, locked=None)
            self._stage(mark, after)

    def sign_voucher(self, voucher: Voucher) -> bytes:
        """Sign a voucher (65 bytes); it leaves no mark: only the highest of all vouchers ever pays.

        Raises
        ------
        SignerClosed, MarksUnavailable
            As `sign_state`.
        """
        with self._mutex:
            self._open_mark(voucher.channel_id)
        return self._account.sign_digest(self._domain.digest(voucher))

    def sign_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Sign a withdrawal (65 bytes) and remember it.

        Whether both balances cover it is for `penstock.protocol.exits.check_withdrawal` to say: the signer knows
        no deposits.

        Raises
        ------
        SignerClosed, MarksUnavailable
            As `sign_state`.
        """
        with self._mutex:
            mark = self._open_mark(withdrawal.channel_id)
            kept = tuple(other for other in mark.withdrawals if not _covers(withdrawal, other))
            if not any(_covers(other, withdrawal) for other in kept):
                kept = (*kept, withdrawal)
            self._stage(mark, replace(mark, withdrawals=kept))
            return self._account.sign_digest(self._domain.digest(withdrawal))

    def sign_close(self, close: Close) -> bytes:
        """Sign an agreed close (65 bytes); from then on the key signs nothing else in this channel.

        Raises
        ------
        SignerClosed
            The key signed a `Close` at another figure.
        CloseContradictsMark
            A state this key signed is not co-signed yet, locks money, or says another ``paid``.
        MarksUnavailable
            As `sign_state`.
        """
        with self._mutex:
            mark = self._marks.get(close.channel_id)
            if mark.close_paid is None:
                _check_close(mark, close)
            elif mark.close_paid != close.paid:
                raise SignerClosed(str(close.channel_id))
            self._stage(mark, replace(mark, close_paid=close.paid))
            return self._account.sign_digest(self._domain.digest(close))

    def sign_receipt(self, receipt: Receipt) -> bytes:
        """Sign a watcher's receipt (65 bytes); it promises no money and leaves no mark."""
        return self._account.sign_digest(self._domain.digest(receipt))

    def sign_request(self, method: str, path: str, issued_at: int) -> bytes:
        """Sign a reader's proof for one HTTP request (65 bytes); it leaves no mark."""
        return self._account.sign_digest(self._domain.digest(Request(method, path, issued_at)))

    def flush(self) -> None:
        """Make every mark staged so far durable; raises `MarksUnavailable`."""
        self._marks.flush()

    def close(self) -> None:
        """Flush and release the marks file."""
        self._marks.close()

    def _open_mark(self, channel_id: Bytes32) -> Mark:
        mark = self._marks.get(channel_id)
        if mark.close_paid is not None:
            raise SignerClosed(str(channel_id))
        return mark

    def _stage(self, before: Mark, after: Mark) -> None:
        if after != before:
            self._marks.stage(after)


def _check_close(mark: Mark, close: Close) -> None:
    if mark.highest > mark.cosigned:
        raise CloseContradictsMark(close.paid, f"state {mark.highest} was signed and is not known to be co-signed")
    if mark.locked:
        raise CloseContradictsMark(close.paid, f"state {mark.highest} locks {mark.locked}")
    # Unknown after a recovery: then the caller's own check has to do.
    if mark.paid is not None and mark.paid != close.paid:
        raise CloseContradictsMark(close.paid, f"state {mark.highest} says paid {mark.paid}")


def _covers(one: Withdrawal, other: Withdrawal) -> bool:
    return (
        one.payer_total >= other.payer_total and one.payee_total >= other.payee_total and one.deadline >= other.deadline
    )

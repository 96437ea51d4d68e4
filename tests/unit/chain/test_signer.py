"""The signer signs above its mark or the same message again, whatever happens to the process (INV-12)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.chain.account import Account
from penstock.chain.errors import (
    CloseContradictsMark,
    ForeignMarks,
    InvalidKey,
    MarksUnavailable,
    SignerInUse,
)
from penstock.chain.marks import Mark, Marks
from penstock.chain.signer import Signer
from penstock.protocol.errors import BelowMark, SignerClosed
from penstock.protocol.messages import Close, Receipt, Request, State, Voucher, Withdrawal
from penstock.protocol.primitives import ZERO_WORD, Bytes32
from penstock.protocol.signatures import recover
from tests.support.parties import DOMAIN

KEY = bytes(31) + b"\x07"
CHANNEL = Bytes32(b"\x11" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "marks.db"


@pytest.fixture
def signer(path: Path) -> Iterator[Signer]:
    signer = Signer(KEY, path, DOMAIN)
    yield signer
    signer.close()


def state(sequence: int, paid: int = 0, locked: int = 0) -> State:
    return State(CHANNEL, sequence, paid, payer_locked=locked)


def test_a_signature_recovers_to_the_signers_address(signer: Signer) -> None:
    signature = signer.sign_state(state(1), cosigned=True)

    assert recover(DOMAIN.digest(state(1)), signature) == signer.address


def test_the_same_state_gets_the_same_signature_again(signer: Signer) -> None:
    first = signer.sign_state(state(5, 10), cosigned=False)

    assert signer.sign_state(state(5, 10), cosigned=True) == first
    assert signer.mark(CHANNEL).cosigned == 5


def test_another_state_at_the_same_sequence_is_refused(signer: Signer) -> None:
    signer.sign_state(state(5, 10), cosigned=True)

    with pytest.raises(BelowMark, match="sequence 5 is not above 5"):
        signer.sign_state(state(5, 11), cosigned=True)


def test_a_lower_state_is_refused_even_if_it_was_signed_before(signer: Signer) -> None:
    signer.sign_state(state(4), cosigned=True)
    signer.sign_state(state(5), cosigned=True)

    with pytest.raises(BelowMark):
        signer.sign_state(state(4), cosigned=True)


def test_sequence_zero_is_never_signed(signer: Signer) -> None:
    with pytest.raises(BelowMark):
        signer.sign_state(state(0), cosigned=True)


def test_marks_survive_a_restart(path: Path) -> None:
    before = Signer(KEY, path, DOMAIN)
    before.sign_state(state(7, 3), cosigned=True)
    before.sign_withdrawal(Withdrawal(CHANNEL, 5, 6, 1000))
    expected = before.mark(CHANNEL)
    before.close()

    after = Signer(KEY, path, DOMAIN)

    assert after.mark(CHANNEL) == expected
    with pytest.raises(BelowMark):
        after.sign_state(state(7, 4), cosigned=True)
    after.close()


def test_a_second_instance_is_refused(path: Path, signer: Signer) -> None:
    with pytest.raises(SignerInUse):
        Signer(KEY, path, DOMAIN)


def test_another_keys_marks_are_refused(path: Path) -> None:
    Signer(KEY, path, DOMAIN).close()

    with pytest.raises(ForeignMarks):
        Signer(bytes(31) + b"\x08", path, DOMAIN)
    Signer(KEY, path, DOMAIN).close()


def test_a_broken_marks_file_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(MarksUnavailable):
        Signer(KEY, path, DOMAIN)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\x01" * 33])
def test_what_is_no_key_is_refused_without_showing_it(key: bytes, path: Path) -> None:
    with pytest.raises(InvalidKey) as caught:
        Signer(key, path, DOMAIN)

    assert key.hex() not in str(caught.value) or not key


def test_the_key_never_shows(signer: Signer) -> None:
    shown = repr(signer) + str(signer) + repr(Account(KEY))

    assert str(signer.address) in shown
    assert KEY.hex()[-8:] not in shown


def test_a_voucher_leaves_no_mark_and_a_lower_one_may_follow(signer: Signer) -> None:
    signer.sign_voucher(Voucher(CHANNEL, 50))
    signer.sign_voucher(Voucher(CHANNEL, 49))

    assert signer.mark(CHANNEL) == Mark(CHANNEL)


def test_withdrawals_are_kept_unless_another_covers_them(signer: Signer) -> None:
    signer.sign_withdrawal(Withdrawal(CHANNEL, 10, 0, 1000))
    signer.sign_withdrawal(Withdrawal(CHANNEL, 0, 20, 900))
    signer.sign_withdrawal(Withdrawal(CHANNEL, 11, 0, 1000))
    signer.sign_withdrawal(Withdrawal(CHANNEL, 10, 0, 1000))

    kept = signer.mark(CHANNEL).withdrawals

    assert set(kept) == {Withdrawal(CHANNEL, 11, 0, 1000), Withdrawal(CHANNEL, 0, 20, 900)}


def test_after_a_close_only_the_same_close_is_signed(signer: Signer) -> None:
    signer.sign_state(state(3, 30), cosigned=True)

    first = signer.sign_close(Close(CHANNEL, 30))

    assert signer.sign_close(Close(CHANNEL, 30)) == first
    with pytest.raises(SignerClosed):
        signer.sign_close(Close(CHANNEL, 31))
    with pytest.raises(SignerClosed):
        signer.sign_state(state(4), cosigned=True)
    with pytest.raises(SignerClosed):
        signer.sign_voucher(Voucher(CHANNEL, 1))
    with pytest.raises(SignerClosed):
        signer.sign_withdrawal(Withdrawal(CHANNEL, 1, 1, 1))


def test_a_close_at_another_figure_than_the_newest_state_is_refused(signer: Signer) -> None:
    signer.sign_state(state(3, 30), cosigned=True)

    with pytest.raises(CloseContradictsMark, match="state 3 says paid 30"):
        signer.sign_close(Close(CHANNEL, 29))


def test_a_close_with_an_unanswered_proposal_is_refused_until_it_is_answered(signer: Signer) -> None:
    signer.sign_state(state(3, 30), cosigned=False)

    with pytest.raises(CloseContradictsMark, match="not known to be co-signed"):
        signer.sign_close(Close(CHANNEL, 30))

    signer.note_cosigned(CHANNEL, 3)
    signer.sign_close(Close(CHANNEL, 30))


def test_a_close_with_locks_is_refused(signer: Signer) -> None:
    signer.sign_state(state(3, 30, locked=4), cosigned=True)

    with pytest.raises(CloseContradictsMark, match="locks 4"):
        signer.sign_close(Close(CHANNEL, 30))


def test_a_recovered_sequence_raises_the_mark_and_cannot_be_signed_again(signer: Signer) -> None:
    signer.note_cosigned(CHANNEL, 40)

    with pytest.raises(BelowMark):
        signer.sign_state(state(40), cosigned=True)
    assert signer.mark(CHANNEL).cosigned == 40
    signer.sign_state(state(41), cosigned=True)


def test_receipts_and_requests_leave_no_mark(signer: Signer) -> None:
    receipt = Receipt(CHANNEL, 1, ZERO_WORD, 1)

    assert recover(DOMAIN.digest(receipt), signer.sign_receipt(receipt)) == signer.address
    request = Request("GET", "/v1/channels", 5)
    assert recover(DOMAIN.digest(request), signer.sign_request("GET", "/v1/channels", 5)) == signer.address
    assert signer.mark(CHANNEL).highest == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from penstock.chain.signer import Signer
from penstock.protocol.messages import State
from penstock.protocol.primitives import Bytes32
from tests.support.parties import DOMAIN

signer = Signer(bytes.fromhex(sys.argv[3]), Path(sys.argv[1]), DOMAIN)
signer.sign_state(State(Bytes32(b"\\x11" * 32), 1, 10), cosigned=True)
if sys.argv[2] == "flushed":
    signer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def sign_and_die(path: Path, *, flushed: bool) -> None:
    argument = "flushed" if flushed else "staged"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), argument, KEY.hex()], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_a_kill_after_flush_keeps_the_mark(path: Path) -> None:
    sign_and_die(path, flushed=True)

    signer = Signer(KEY, path, DOMAIN)

    assert signer.mark(CHANNEL).highest == 1
    with pytest.raises(BelowMark):
        signer.sign_state(state(1, 11), cosigned=True)
    signer.close()


def test_a_kill_before_flush_leaves_no_mark_as_no_signature_left(path: Path) -> None:
    sign_and_die(path, flushed=False)

    signer = Signer(KEY, path, DOMAIN)

    assert signer.mark(CHANNEL).highest == 0
    signer.sign_state(state(1, 11), cosigned=True)
    signer.close()


def test_a_flush_that_fails_is_named_and_keeps_the_mark(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_marks: Marks, _rows: list[Mark]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    signer.sign_state(state(1, 10), cosigned=True)
    with monkeypatch.context() as patched:
        patched.setattr(Marks, "_write", full)
        with pytest.raises(MarksUnavailable, match="disk is full"):
            signer.flush()

    with pytest.raises(BelowMark):
        signer.sign_state(state(1, 11), cosigned=True)
    signer.flush()

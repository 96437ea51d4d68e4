"""Gas per operation, from receipts on a fresh Anvil: ``python -m bench.gas [--check | --write | --markdown]``.

Without an option the table of our figures beside the rivals', measured now. Exit status 1 when a figure is above its
limit, or under ``--check`` when one differs from snapshots/gas.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.gas_chain import LATE, PERIOD_SECONDS, GasChain, gas_chain
from penstock.chain import calls
from penstock.chain.artifacts import artifact
from penstock.chain.tokens import authorization_digest, authorization_nonce
from penstock.protocol.crypto import keccak
from penstock.protocol.locks import NO_LOCKS, Lock, LockSet
from penstock.protocol.messages import (
    Channel,
    Close,
    CloseIntent,
    SignedState,
    SignedVoucher,
    State,
    Voucher,
    Withdrawal,
)
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import to_compact

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "snapshots" / "gas.json"
RIVALS: dict[str, Any] = json.loads((ROOT / "bench" / "rivals.json").read_text())

BATCH = 25
USDC = 10**6
DEPOSIT = 100 * USDC

Figures = dict[str, int]


def measure() -> Figures:
    """Run every operation as a transaction of its own; return its gas by name, sorted."""
    figures: Figures = {}
    with gas_chain() as chain:
        for part in (_deposits, _withdrawals, _closes, _disputes, _vouchers, _batches, _locks):
            figures |= part(chain)
    figures["life_agreed"] = figures["deposit_open"] + figures["close"]
    figures["life_disputed"] = sum(figures[name] for name in ("deposit_open", "start_close", "challenge", "settle"))
    figures["life_one_way"] = figures["deposit_open_authorization"] + figures["close_one_way"]
    return dict(sorted(figures.items()))


def _opened(chain: GasChain, salt: int, *, one_way: bool = False) -> Channel:
    channel = chain.channel(salt, one_way=one_way)
    chain.send(chain.payer, calls.deposit(channel, DEPOSIT))
    return channel


def _state(chain: GasChain, channel: Channel, sequence: int, paid: int, locks: LockSet = NO_LOCKS) -> SignedState:
    channel_id = chain.domain.channel_id(channel)
    state = State(channel_id, sequence, paid, locks.payer_locked, locks.payee_locked, locks.root)
    return SignedState(state, *chain.sign(state))


def _voucher(chain: GasChain, channel: Channel, paid: int) -> SignedVoucher:
    voucher = Voucher(chain.domain.channel_id(channel), paid)
    return SignedVoucher(voucher, chain.sign(voucher)[0])


def _deposits(chain: GasChain) -> Figures:
    channel, gasless = chain.channel(1), chain.channel(2)
    figures = {
        "deposit_open": chain.send(chain.payer, calls.deposit(channel, DEPOSIT)),
        "deposit_topup": chain.send(chain.payer, calls.deposit(channel, DEPOSIT)),
        "deposit_payee_first": chain.send(chain.payee, calls.deposit(channel, DEPOSIT, for_payee=True)),
    }
    salt = Bytes32(keccak(b"salt"))
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    separator = keccak(
        keccak(kind)
        + keccak(b"Plain")
        + keccak(b"1")
        + chain.domain.chain_id.to_bytes(32, "big")
        + chain.token.rjust(32, b"\0")
    )
    digest = authorization_digest(
        separator,
        owner=chain.payer.address,
        contract=chain.contract,
        amount=DEPOSIT,
        valid_after=0,
        valid_before=LATE,
        nonce=authorization_nonce(chain.domain.channel_id(gasless), salt),
    )
    authorization = calls.Authorization(salt, 0, LATE, chain.payer.sign_digest(digest))
    call = calls.deposit_with_authorization(gasless, DEPOSIT, authorization)
    return figures | {"deposit_open_authorization": chain.send(chain.stranger, call)}


def _withdrawals(chain: GasChain) -> Figures:
    channel = _opened(chain, 10)
    totals = (("withdraw", 10, 0), ("withdraw_payee_first", 10, 10), ("withdraw_payee_again", 10, 20))
    figures = {}
    for name, payer, payee in totals:
        withdrawal = Withdrawal(chain.domain.channel_id(channel), payer * USDC, payee * USDC, LATE)
        figures[name] = chain.send(chain.stranger, calls.withdraw(channel, withdrawal, *chain.sign(withdrawal)))
    return figures


def _closes(chain: GasChain) -> Figures:
    agreed, bare, by_intent = (_opened(chain, salt) for salt in (20, 21, 22))
    one_way = _opened(chain, 23, one_way=True)
    close = Close(chain.domain.channel_id(agreed), 40 * USDC)
    intent = CloseIntent(chain.domain.channel_id(by_intent), 0, LATE)
    voucher = _voucher(chain, one_way, 40 * USDC)
    return {
        "close": chain.send(chain.stranger, calls.close(agreed, close.paid, *chain.sign(close))),
        "start_close_bare": chain.send(chain.payer, calls.start_close(bare)),
        "start_close_by_intent": chain.call(
            chain.stranger,
            "startClose",
            calls.terms(by_intent),
            (intent.min_sequence, intent.deadline),
            to_compact(chain.sign(intent)[0]),
        ),
        "close_one_way": chain.call(
            chain.payee, "closeOneWay", calls.terms(one_way), voucher.voucher.paid, to_compact(voucher.payer_signature)
        ),
    }


def _disputes(chain: GasChain) -> Figures:
    channel = _opened(chain, 30)
    stale, newer = _state(chain, channel, 1, 10 * USDC), _state(chain, channel, 2, 40 * USDC)
    figures = {
        "start_close": chain.send(chain.payer, calls.start_close(channel, stale)),
        "challenge": chain.send(chain.stranger, calls.challenge(channel, newer)),
    }
    chain.wait()
    return figures | {"settle": chain.send(chain.stranger, calls.settle(channel))}


def _vouchers(chain: GasChain) -> Figures:
    channel = _opened(chain, 40, one_way=True)
    first, second = _voucher(chain, channel, 10 * USDC), _voucher(chain, channel, 20 * USDC)
    return {
        "collect_first": chain.send(chain.stranger, calls.collect(channel, first)),
        "collect_repeat": chain.send(chain.stranger, calls.collect(channel, second)),
    }


def _batches(chain: GasChain) -> Figures:
    one_way = [_opened(chain, 100 + n, one_way=True) for n in range(BATCH)]
    two_way = [_opened(chain, 200 + n) for n in range(BATCH)]
    vouchers = [_voucher(chain, channel, 10 * USDC) for channel in one_way]
    collects = [
        (calls.terms(channel), voucher.voucher.paid, to_compact(voucher.payer_signature))
        for channel, voucher in zip(one_way, vouchers, strict=True)
    ]
    challenges = []
    for channel in two_way:
        chain.send(chain.payer, calls.start_close(channel, _state(chain, channel, 1, 10 * USDC)))
        newer = _state(chain, channel, 2, 40 * USDC).state
        values = (newer.sequence, newer.paid, newer.payer_locked, newer.payee_locked, bytes(newer.locks_root))
        challenges.append((calls.terms(channel), values, chain.both(newer)))
    figures = {
        "collect_many_25_each": chain.call(chain.stranger, "collectMany", collects) // BATCH,
        "challenge_many_25_each": chain.call(chain.stranger, "challengeMany", challenges) // BATCH,
    }
    chain.wait()
    settled = chain.call(chain.stranger, "settleMany", [calls.terms(channel) for channel in two_way])
    return figures | {"settle_many_25_each": settled // BATCH}


def _locks(chain: GasChain) -> Figures:
    """Unlock two of four locks, each for a preimage that is revealed in a transaction of its own."""
    channel = _opened(chain, 50)
    preimages = [keccak(f"preimage {n}".encode()) for n in range(4)]
    locks = NO_LOCKS
    for n, preimage in enumerate(preimages):
        key = Bytes32(sha256(preimage).digest())
        locks = locks.adding(
            Lock(Bytes32(keccak(f"lock {n}".encode())), n, 10 * USDC, True, LATE, chain.hash_lock, key)  # noqa: FBT003
        )
    chain.send(chain.payer, calls.start_close(channel, _state(chain, channel, 1, 40 * USDC, locks)))
    chain.wait()
    chain.send(chain.stranger, calls.settle(channel))
    figures = {}
    reveal = artifact("HashLock").interface
    for name, lock, preimage in zip(("unlock_first", "unlock_next"), locks, preimages, strict=False):
        figures["reveal"] = chain.send(chain.stranger, reveal.encode_call("reveal", preimage), chain.hash_lock)
        figures[name] = chain.send(chain.stranger, calls.unlock(channel, lock, locks.proof(lock.lock_id)))
    return figures


def above_limit(figures: Figures) -> list[str]:
    """Return the names of the figures above their limit."""
    return [row["name"] for row in RIVALS["rows"] if figures[row["name"]] > row["limit"]]


def drifted(figures: Figures, committed: Figures) -> list[str]:
    """Return a line for each figure that is not what the snapshot says."""
    names = sorted(figures.keys() | committed.keys())
    return [
        f"{name}: {committed.get(name, 'absent')} -> {figures.get(name, 'absent')}"
        for name in names
        if figures.get(name) != committed.get(name)
    ]


def table(figures: Figures) -> Table:
    """Return our figures beside the rivals'."""
    shown = Table(title="gas per operation", caption=f"receipts, fresh Anvil, challenge period {PERIOD_SECONDS} s")
    shown.add_column("operation", min_width=24)
    shown.add_column("ours", justify="right", no_wrap=True)
    shown.add_column("limit", justify="right", no_wrap=True)
    for column in RIVALS["columns"]:
        shown.add_column(column, justify="right")
    for row in RIVALS["rows"]:
        ours = figures[row["name"]]
        style = "red" if ours > row["limit"] else "green"
        rivals = (row["rivals"].get(column, "") for column in RIVALS["columns"])
        shown.add_row(row["operation"], f"[{style}]{ours:,}[/]", f"{row['limit']:,}", *rivals)
    return shown


def markdown(figures: Figures) -> str:
    """Return the same table for docs/contracts.md."""
    lines = [
        "| operation | ours | " + " | ".join(RIVALS["columns"]) + " | limit |",
        "|---|---|" + "---|" * len(RIVALS["columns"]) + "---|",
    ]
    for row in RIVALS["rows"]:
        rivals = " | ".join(row["rivals"].get(column, "") for column in RIVALS["columns"])
        lines.append(f"| {row['operation']} | **{figures[row['name']]:,}** | {rivals} | {row['limit']:,} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Measure, then show, write or compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/gas", description="Measure gas per operation.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with snapshots/gas.json; 1 when a figure differs")
    what.add_argument("--write", action="store_true", help="write snapshots/gas.json")
    what.add_argument("--markdown", action="store_true", help="print the table of docs/contracts.md")
    options = parser.parse_args(arguments)
    figures = measure()
    over = above_limit(figures)

    if options.write:
        SNAPSHOT.write_text(json.dumps(figures, indent=2) + "\n")
    elif options.check:
        moved = drifted(figures, json.loads(SNAPSHOT.read_text()))
        for line in moved:
            print(f"gas: {line}", file=sys.stderr)
        if moved:
            print("gas: accept it with scripts/gas --write, and commit the file", file=sys.stderr)
            return 1
        print(f"{len(figures)} figures are what the snapshot says")
    elif options.markdown:
        print(markdown(figures), end="")
    else:
        Console(width=None if sys.stdout.isatty() else 200).print(table(figures))
    for name in over:
        print(f"gas: {name} is above its limit", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What locks cost: revealing, unlocking, and deciding by the other conditions."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from bench.gas.chain import BATCH, LATE, PAYEE, PAYER, PERIOD_SECONDS, STRANGER, USDC, Figures, GasChain, named
from penstock.chain import calls
from penstock.protocol.conditions import ARBITRATION_NAME, ArbitrationTerms, OptimisticTerms, verdict_digest
from penstock.protocol.crypto import keccak
from penstock.protocol.locks import BPS, LOCKS_MAX, NO_LOCKS, Lock, LockSet
from penstock.protocol.messages import Channel
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import to_compact

_ARBITERS = sorted((named(f"arbiter {n}") for n in range(3)), key=lambda arbiter: arbiter.address)


def measure_locks(chain: GasChain) -> Figures:
    """Unlock two of four locks, two of 256, and 25 of 25 in one transaction, each for a preimage of its own."""
    few, many, most = _preimages("few", 4), _preimages("many", BATCH), _preimages("most", LOCKS_MAX)
    revealed = (*few, *many, *most[:2])
    figures = {"reveal": [chain.call(STRANGER, "HashLock", "reveal", preimage) for preimage in revealed][-1]}
    for salt, preimages, names in (
        (50, few, ("unlock_first", "unlock_next")),
        (52, most, ("unlock_first_of_256", "unlock_next_of_256")),
    ):
        channel, locks = _settled(chain, salt, preimages)
        for name, lock in zip(names, locks, strict=False):
            figures[name] = chain.send(STRANGER, calls.unlock(channel, lock, locks.proof(lock.lock_id)))
    channel, locks = _settled(chain, 51, many)
    items = [(calls.terms(channel), *calls.proven(lock, locks.proof(lock.lock_id))) for lock in locks]
    return figures | {"unlock_many_25_each": chain.call(STRANGER, "Channels", "unlockMany", items) // BATCH}


def _preimages(name: str, count: int) -> list[bytes]:
    return [keccak(f"{name} {n}".encode()) for n in range(count)]


def _settled(chain: GasChain, salt: int, preimages: Sequence[bytes]) -> tuple[Channel, LockSet]:
    """Settle a channel with a lock for each preimage."""
    channel = chain.open(salt)
    hash_lock = chain.contracts["HashLock"].address
    locks = NO_LOCKS
    for index, preimage in enumerate(preimages):
        lock_id, key = Bytes32(keccak(preimage)), Bytes32(sha256(preimage).digest())
        locks = locks.adding(Lock(lock_id, index, 2 * USDC, from_payer=True, expiry=LATE, condition=hash_lock, key=key))
    chain.send(PAYER, calls.start_close(channel, chain.signed_state(channel, 1, 10 * USDC, locks)))
    chain.wait()
    chain.send(STRANGER, calls.settle(channel))
    return channel, locks


def measure_conditions(chain: GasChain) -> Figures:
    """Record a verdict of two of three arbiters, assert that work is done, and evaluate both together."""
    arbitration, optimistic = chain.contracts["Arbitration"].address, chain.contracts["Optimistic"].address
    case = ArbitrationTerms(tuple(arbiter.address for arbiter in _ARBITERS), 2, Bytes32(keccak(b"case")))
    digest = verdict_digest(chain.domain_of("Arbitration", ARBITRATION_NAME), case.key, BPS)
    signatures = [to_compact(arbiter.sign_digest(digest)) for arbiter in _ARBITERS[:2]]
    work = OptimisticTerms(PAYEE.address, PAYER.address, PERIOD_SECONDS, arbitration, case.key)
    terms = (str(work.claimant), str(work.disputer), work.window_seconds, str(arbitration), bytes(case.key))
    arbiters = [str(arbiter) for arbiter in case.arbiters]
    figures = {
        "verdict_2_of_3": chain.call(
            STRANGER, "Arbitration", "record", arbiters, case.threshold, bytes(case.case_id), BPS, signatures
        ),
        "assert_done": chain.call(PAYEE, "Optimistic", "assertDone", terms),
    }
    chain.wait()
    parts = [(str(arbitration), bytes(case.key)), (str(optimistic), bytes(work.key))]
    return figures | {"evaluate_2_parts": chain.call(STRANGER, "AllOf", "evaluate", parts, LATE)}

"""Write the shared vectors that forge and pytest read: ``python tests/vectors/generate.py [folder]``.

Digests come from eth_account's own EIP-712 encoder, not from ours, so that a vector never merely repeats the code
it checks. Signatures come from eth_account too; the trees of locks from the npm package ``@openzeppelin/merkle-tree``
(merkle.mjs), the conditions' keys from eth_abi. Settlements and unlocks are computed here by the formulas of
docs/protocol.md, written out once more.

locks.json: ``sets``, a list of ``{locks, root, leaves, proofs}``, the last two in the order of ``locks``; proofs
only of the first four locks. unlocks.json: ``cases``, each a lock's figures, the pool, the answer and the time, with
``parts`` (what each side gets) or null while the lock is pending.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

HERE = Path(__file__).parent
CHAIN_ID = 31337
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
UINT96_MAX = 2**95 - 1
TYPES: dict[str, list[tuple[str, str]]] = {
    "Channel": [
        ("payer", "address"),
        ("payee", "address"),
        ("payerSigner", "address"),
        ("payeeSigner", "address"),
        ("token", "address"),
        ("challengePeriod", "uint32"),
        ("oneWay", "bool"),
        ("salt", "uint88"),
    ],
    "State": [
        ("channelId", "bytes32"),
        ("sequence", "uint64"),
        ("paid", "int128"),
        ("payerLocked", "uint128"),
        ("payeeLocked", "uint128"),
        ("locksRoot", "bytes32"),
    ],
    "Voucher": [("channelId", "bytes32"), ("paid", "uint128")],
    "Withdrawal": [
        ("channelId", "bytes32"),
        ("payerTotal", "uint128"),
        ("payeeTotal", "uint128"),
        ("deadline", "uint64"),
    ],
    "Close": [("channelId", "bytes32"), ("paid", "int128")],
    "CloseIntent": [("channelId", "bytes32"), ("minSequence", "uint64"), ("deadline", "uint64")],
    "Receipt": [
        ("channelId", "bytes32"),
        ("sequence", "uint64"),
        ("digest", "bytes32"),
        ("receivedAt", "uint64"),
    ],
    "Request": [("method", "string"), ("path", "string"), ("issuedAt", "uint64")],
}
DOMAIN = {"name": "Penstock", "version": "1", "chainId": CHAIN_ID, "verifyingContract": CONTRACT}


CONDITION_TYPES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "Verdict": ("Penstock Arbitration", [("key", "bytes32"), ("shareBps", "uint16")]),
    "Assertion": ("Penstock Optimistic", [("key", "bytes32")]),
    "Objection": ("Penstock Optimistic", [("key", "bytes32")]),
}


def signable(name: str, message: dict[str, Any]) -> Any:
    """Encode ``message`` with eth_account."""
    if name in CONDITION_TYPES:
        contract, kinds = CONDITION_TYPES[name]
        domain = DOMAIN | {"name": contract}
    else:
        domain, kinds = DOMAIN, TYPES[name]
    return encode_typed_data(domain, {name: [{"name": field, "type": kind} for field, kind in kinds]}, message)


def digest(name: str, message: dict[str, Any]) -> str:
    """Return the EIP-712 digest that eth_account computes."""
    encoded = signable(name, message)
    return "0x" + keccak(b"\x19" + encoded.version + encoded.header + encoded.body).hex()


def text(message: dict[str, Any]) -> dict[str, Any]:
    """Write integers as decimal strings, leave the rest."""
    return {
        key: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for key, value in message.items()
        if key != "channelId"
    }


def typehash(name: str) -> str:
    """Hash the type's own text."""
    inner = ",".join(f"{kind} {field}" for field, kind in TYPES[name])
    return "0x" + keccak(f"{name}({inner})".encode()).hex()


def digest_case(rng: random.Random, *, extreme: bool) -> dict[str, Any]:
    """Return one channel with one message of each kind, their digests, and the state signed by both."""
    payer, payee = (Account.from_key(rng.randbytes(32)) for _ in range(2))

    def unsigned(bits: int) -> int:
        return 2**bits - 1 if extreme else rng.randrange(2 ** rng.randrange(1, bits))

    channel = {
        "payer": payer.address,
        "payee": payee.address,
        "payerSigner": payer.address,
        "payeeSigner": payee.address,
        "token": Account.from_key(rng.randbytes(32)).address,
        "challengePeriod": unsigned(32),
        "oneWay": rng.random() < 0.5,
        "salt": unsigned(88),
    }
    channel_id = digest("Channel", channel)
    paid = -(2**127) if extreme else rng.randrange(-(2**90), 2**90)
    messages: dict[str, dict[str, Any]] = {
        "State": {
            "channelId": channel_id,
            "sequence": unsigned(64) or 1,
            "paid": paid,
            "payerLocked": unsigned(128),
            "payeeLocked": unsigned(128),
            "locksRoot": "0x" + rng.randbytes(32).hex(),
        },
        "Voucher": {"channelId": channel_id, "paid": unsigned(128)},
        "Withdrawal": {
            "channelId": channel_id,
            "payerTotal": unsigned(128),
            "payeeTotal": unsigned(128),
            "deadline": unsigned(64),
        },
        "Close": {"channelId": channel_id, "paid": paid},
        "CloseIntent": {"channelId": channel_id, "minSequence": unsigned(64), "deadline": unsigned(64)},
        "Receipt": {
            "channelId": channel_id,
            "sequence": unsigned(64),
            "digest": "0x" + rng.randbytes(32).hex(),
            "receivedAt": unsigned(53),
        },
    }
    case: dict[str, Any] = {"channel": text(channel), "channelId": channel_id}
    for name, message in messages.items():
        key = name[0].lower() + name[1:]
        case[key] = text(message)
        case[f"{key}Digest"] = digest(name, message)
    state = signable("State", messages["State"])
    case["signatures"] = {
        "payer": "0x" + bytes(payer.sign_message(state).signature).hex(),
        "payee": "0x" + bytes(payee.sign_message(state).signature).hex(),
    }
    return case


def settlement_case(rng: random.Random, figures: dict[str, int] | None = None) -> dict[str, Any]:
    """Return one settlement, solvent or not, divided as docs/protocol.md, section 2, says."""
    if figures is None:
        scale = 2 ** rng.randrange(4, 95)
        payer_deposit, payee_deposit = rng.randrange(scale), rng.randrange(scale)
        total = payer_deposit + payee_deposit
        payer_withdrawn = rng.randrange(total + 1)
        figures = {
            "payerDeposit": payer_deposit,
            "payerWithdrawn": payer_withdrawn,
            "payeeDeposit": payee_deposit,
            "payeeWithdrawn": rng.randrange(total - payer_withdrawn + 1),
            "paid": rng.randrange(-2 * scale, 2 * scale),
            "payerLocked": rng.choice((0, rng.randrange(scale))),
            "payeeLocked": rng.choice((0, rng.randrange(scale))),
        }
    f = figures
    held = f["payerDeposit"] + f["payeeDeposit"] - f["payerWithdrawn"] - f["payeeWithdrawn"]
    payer_net = f["payerDeposit"] - f["payerWithdrawn"] - f["paid"]
    payee_net = f["payeeDeposit"] - f["payeeWithdrawn"] + f["paid"]
    payer_share = min(max(payer_net, 0), held)
    payee_share = held - payer_share
    payer_paid = min(max(payer_net - f["payerLocked"], 0), payer_share)
    payee_paid = min(max(payee_net - f["payeeLocked"], 0), payee_share)
    expect = {
        "payerPaid": payer_paid,
        "payeePaid": payee_paid,
        "payerPool": payer_share - payer_paid,
        "payeePool": payee_share - payee_paid,
    }
    return {**text(figures), "expect": text(expect)}


EXTREMES = [
    dict(zip(("payerDeposit", "payerWithdrawn", "payeeDeposit", "payeeWithdrawn"), totals, strict=True))
    | dict(zip(("paid", "payerLocked", "payeeLocked"), state, strict=True))
    for totals in (
        (0, 0, 0, 0),
        (UINT96_MAX, 0, UINT96_MAX, 0),
        (UINT96_MAX, 2 * UINT96_MAX, UINT96_MAX, 0),
        (10, 0, 0, 0),
    )
    for state in (
        (0, 0, 0),
        (2**127 - 1, 0, 0),
        (-(2**127), 0, 0),
        (2**127 - 1, 2**128 - 1, 2**128 - 1),
        (-(2**127), 2**128 - 1, 2**128 - 1),
        (4, 3, 2),
        (11, 5, 5),
    )
]


def lock_values(rng: random.Random, index: int) -> list[Any]:
    """Return a lock's values in the order of the contract's struct."""
    return [
        "0x" + rng.randbytes(32).hex(),
        index,
        str(rng.randrange(1, 2 ** rng.randrange(1, 97))),
        rng.random() < 0.5,
        str(rng.randrange(2**40)),
        "0x" + rng.randbytes(20).hex(),
        "0x" + rng.randbytes(32).hex(),
    ]


def lock_sets(rng: random.Random) -> list[dict[str, Any]]:
    """Return sets of 1 to 20 and of 256 locks with the trees that the public package builds over them."""
    names = ("id", "index", "amount", "fromPayer", "expiry", "condition", "key")
    sets = [[lock_values(rng, index) for index in range(count)] for count in (*range(1, 21), 256)]
    script = ["node", str(HERE / "merkle.mjs")]
    answer = subprocess.run(script, input=json.dumps(sets), capture_output=True, text=True, check=True)
    shown = [
        [dict(zip(names, (each if isinstance(each, bool) else str(each) for each in lock), strict=True)) for lock in s]
        for s in sets
    ]
    trees = json.loads(answer.stdout)
    return [
        {"locks": locks, "root": tree["root"], "leaves": tree["leaves"], "proofs": tree["proofs"][:4]}
        for locks, tree in zip(shown, trees, strict=True)
    ]


def condition_case(rng: random.Random) -> dict[str, Any]:
    """Return terms of each condition with their keys, and what is signed for them."""

    def word() -> bytes:
        return rng.randbytes(32)

    def account() -> str:
        return "0x" + rng.randbytes(20).hex()

    preimage = word()
    arbiters, case_id = sorted(account() for _ in range(rng.randrange(1, 6))), word()
    threshold = rng.randrange(1, len(arbiters) + 1)
    parts, not_after = [(account(), word()) for _ in range(rng.randrange(1, 5))], rng.randrange(2**40)
    terms = (account(), account(), rng.randrange(1, 2**32), account(), word())
    arbitration_key = keccak(encode(["address[]", "uint8", "bytes32"], [arbiters, threshold, case_id]))
    optimistic_key = keccak(encode(["(address,address,uint32,address,bytes32)"], [terms]))
    share = rng.randrange(10_001)
    return {
        "hashLock": {"preimage": "0x" + preimage.hex(), "key": "0x" + sha256(preimage).hexdigest()},
        "arbitration": {
            "arbiters": arbiters,
            "threshold": str(threshold),
            "caseId": "0x" + case_id.hex(),
            "key": "0x" + arbitration_key.hex(),
            "shareBps": str(share),
            "verdictDigest": digest("Verdict", {"key": arbitration_key, "shareBps": share}),
        },
        "allOf": {
            "conditions": [condition for condition, _ in parts],
            "keys": ["0x" + key.hex() for _, key in parts],
            "notAfter": str(not_after),
            "key": "0x" + keccak(encode(["(address,bytes32)[]", "uint40"], [parts, not_after])).hex(),
        },
        "optimistic": {
            "claimant": terms[0],
            "disputer": terms[1],
            "window": str(terms[2]),
            "arbitration": terms[3],
            "arbitrationKey": "0x" + terms[4].hex(),
            "key": "0x" + optimistic_key.hex(),
            "assertionDigest": digest("Assertion", {"key": optimistic_key}),
            "objectionDigest": digest("Objection", {"key": optimistic_key}),
        },
    }


def unlock_case(rng: random.Random) -> dict[str, Any]:
    """Return a lock, a pool, an answer at a moment, and what the lock then resolves to."""
    amount, pool = rng.randrange(1, 2 ** rng.randrange(1, 97)), rng.randrange(2 ** rng.randrange(1, 97))
    now, expiry, from_payer = rng.randrange(1, 20), rng.randrange(1, 20), rng.random() < 0.5
    share, decided_at = rng.choice((0, 1, 2500, 9999, 10_000, 10_001, 65_535)), rng.randrange(20)
    taken = min(amount, pool)
    lawful = share <= 10_000 and 0 < decided_at <= now
    parts = None
    if lawful and decided_at <= expiry:
        received = taken * share // 10_000
        parts = (taken - received, received) if from_payer else (received, taken - received)
    elif now > expiry:
        parts = (taken, 0) if from_payer else (0, taken)
    return {
        "amount": str(amount),
        "fromPayer": from_payer,
        "expiry": str(expiry),
        "pool": str(pool),
        "shareBps": str(share),
        "decidedAt": str(decided_at),
        "now": str(now),
        "parts": None if parts is None else {"payer": str(parts[0]), "payee": str(parts[1])},
    }


def main(folder: Path) -> None:
    """Write all files, the same each time."""

    def write(name: str, content: dict[str, Any]) -> None:
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")

    rng = random.Random(712)
    domain = signable("Close", {"channelId": "0x" + "00" * 32, "paid": 0})
    write(
        "digests.json",
        {
            "chainId": str(CHAIN_ID),
            "contract": CONTRACT,
            "domainSeparator": "0x" + domain.header.hex(),
            "typehashes": {name: typehash(name) for name in TYPES},
            "conditions": [condition_case(random.Random(seed)) for seed in range(8)],
            "request": {"method": "GET", "path": "/v1/channels?limit=1", "issuedAt": "1700000000"},
            "requestDigest": digest(
                "Request", {"method": "GET", "path": "/v1/channels?limit=1", "issuedAt": 1700000000}
            ),
            "cases": [digest_case(rng, extreme=index == 0) for index in range(16)],
        },
    )
    write(
        "settlements.json",
        {"cases": [settlement_case(rng, figures) for figures in EXTREMES] + [settlement_case(rng) for _ in range(200)]},
    )
    write("locks.json", {"sets": lock_sets(random.Random(5))})
    write("unlocks.json", {"cases": [unlock_case(rng) for _ in range(300)]})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

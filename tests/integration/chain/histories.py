"""Random calls of the contract `Channels`, good and bad, each with its twin on the model."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.chain.tokens import Token, authorization_digest, authorization_nonce
from penstock.protocol.conditions import ARBITRATION_NAME, ArbitrationTerms, verdict_digest
from penstock.protocol.crypto import keccak
from penstock.protocol.encoding import Domain, Message
from penstock.protocol.locks import BPS, NO_LOCKS, Lock, LockSet, Outcome
from penstock.protocol.messages import Channel, Close, CloseIntent, State, Voucher, Withdrawal
from penstock.protocol.onchain import Closing, Open, Phase, Unopened
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import to_compact
from tests.support.anvil import CHAIN_ID, Anvil, Chain
from tests.support.contract_model import ContractModel, Signatures

PERIOD_SECONDS = 40
TWO_WAY, ONE_WAY = 6, 4
SEQUENCES = 5
GAS = 12_000_000
FUNDS = 10**9
PERMIT_TYPE = b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"


@dataclass(frozen=True)
class Call:
    """One transaction to the contract at a chosen time, and what the model does for it.

    ``name`` is the function's; of overloads it tells which.
    """

    name: str
    time: int
    sender: Address
    to: Address
    data: bytes
    on_model: Callable[[], None]

    def send(self, anvil: Anvil) -> dict[str, Any]:
        """Send it; return its receipt."""
        return mined(anvil, self.time, self.sender, self.to, self.data)


def mined(anvil: Anvil, at: int, sender: Address, to: Address | None, data: bytes) -> dict[str, Any]:
    """Mine a transaction of any account in a block with this time; return its receipt."""
    fields = {"from": str(sender), "data": "0x" + data.hex(), "gas": hex(GAS)}
    if to is not None:
        fields["to"] = str(to)
    anvil.rpc("evm_setNextBlockTimestamp", at)
    sent = anvil.rpc("eth_sendTransaction", fields)
    for _ in range(1000):
        receipt: dict[str, Any] | None = anvil.rpc("eth_getTransactionReceipt", sent)
        if receipt is not None:
            return receipt
        time.sleep(0.01)
    raise AssertionError(f"{sent} is in no block")


class Historian:
    """Ten channels between three parties, everything they sign, and a random next call."""

    def __init__(self, rng: random.Random, chain: Chain) -> None:
        self.rng = rng
        self.anvil = chain.anvil
        self.chain = chain
        self.time = chain.anvil.time
        self.model = ContractModel(chain.domain)
        self.held_before = chain.balance(chain.contract)
        # Keys of this history alone, so that histories on one chain do not meet.
        self.accounts = [Account(keccak(rng.randbytes(32))) for _ in range(5)]
        self.payer, self.payee, self.other, self.payer_signer, self.payee_signer = self.accounts
        self.stranger = Account(keccak(rng.randbytes(32)))
        self.arbiter = Account(keccak(rng.randbytes(32)))
        for account in (*self.accounts, self.stranger, chain.deployer):
            self.anvil.fund(account.address)
            self.anvil.rpc("anvil_impersonateAccount", str(account.address))
        self.arbitration = self._deploy("Arbitration")
        # An earlier history on this chain may have ended with a pause.
        self._admin(chain.token, artifact("DevUSDC").interface.encode_call("setPaused", False))  # noqa: FBT003 (no name)
        self.holders = [account.address for account in (self.payer, self.payee, self.other, self.stranger)]
        for holder in self.holders:
            self._admin(chain.token, calls.mint(holder, FUNDS))
        approval = calls.approve(chain.contract, 2**256 - 1)
        mined(self.anvil, self._tick(), self.stranger.address, chain.token, approval)
        self.token_domain = chain.run(lambda rpc: Token(rpc, chain.token).domain_separator())
        self.auth_salts = [Bytes32(rng.randbytes(32)) for _ in range(4)]
        self.channels = [self._terms(salt, one_way=salt >= TWO_WAY) for salt in range(TWO_WAY + ONE_WAY)]
        self.cases: dict[Bytes32, ArbitrationTerms] = {}
        self.locks: dict[tuple[int, int], LockSet] = {}
        self.states: dict[tuple[int, int], State] = {}
        for at in range(TWO_WAY):
            for sequence in range(1, SEQUENCES + 1):
                self._sign_state(at, sequence)

    def _terms(self, salt: int, *, one_way: bool) -> Channel:
        payee = self.other if salt % 3 == 2 else self.payee
        signers = self.payer_signer.address, self.payee_signer.address
        return Channel(
            self.payer.address, payee.address, *signers, self.chain.token, PERIOD_SECONDS, one_way=one_way, salt=salt
        )

    def _sign_state(self, at: int, sequence: int) -> None:
        """Make the state that both sign at a sequence: up to three locks, and sometimes a sum that is not theirs."""
        rng, channel_id = self.rng, self.id(at)
        locks = NO_LOCKS
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            case = ArbitrationTerms((self.arbiter.address,), 1, Bytes32(rng.randbytes(32)))
            self.cases[case.key] = case
            expiry = self.time + rng.randrange(600)
            lock_id = Bytes32(rng.randbytes(32))
            amount, from_payer = rng.randrange(1, 60), rng.random() < 0.5
            locks = locks.adding(
                Lock(lock_id, locks.lowest_free, amount, from_payer, expiry, self.arbitration, case.key)
            )
        wrong = rng.randrange(-20, 20) if locks.locks and rng.random() < 0.2 else 0
        payer_locked = max(0, locks.payer_locked + wrong)
        paid = rng.randrange(-150, 150)
        self.locks[at, sequence] = locks
        self.states[at, sequence] = State(channel_id, sequence, paid, payer_locked, locks.payee_locked, locks.root)

    def id(self, at: int) -> Bytes32:
        """Return a channel's id."""
        return self.model.domain.channel_id(self.channels[at])

    # Signatures ------------------------------------------------------------------------------------------------

    def _signed(self, message: Message) -> tuple[Signatures, tuple[object, object]]:
        """Return both signatures and whether they are good; now and then one is not."""
        domain = self.model.domain
        fate = self.rng.random()
        digest = (Domain(1, domain.contract) if fate < 0.02 else domain).digest(message)
        payer = self.stranger if 0.02 <= fate < 0.05 else self.payer_signer
        payee = self.payer_signer if 0.05 <= fate < 0.08 else self.payee_signer
        good = (fate >= 0.05, fate >= 0.08 or 0.02 <= fate < 0.05)
        return good, (to_compact(payer.sign_digest(digest)), to_compact(payee.sign_digest(digest)))

    def _call(self, name: str, sender: Address, on_model: Callable[[], None], *arguments: object) -> Call:
        data = artifact("Channels").interface.encode_call(name.partition(" ")[0], *arguments)
        return Call(name, self._tick(), sender, self.chain.contract, data, on_model)

    def _tick(self, seconds: int = 1) -> int:
        self.time = max(self.time, self.anvil.time) + seconds
        return self.time

    # The next call ---------------------------------------------------------------------------------------------

    def next(self) -> Call:
        """Let something happen outside, perhaps, and return the next call."""
        rng = self.rng
        if rng.random() < 0.15:
            self._bar_or_pause()
        if rng.random() < 0.2:
            self._decide()
        if rng.random() < 0.08:
            mined(self.anvil, self._tick(rng.randrange(PERIOD_SECONDS + 5)), self.stranger.address, None, b"")
        makers = (
            *([self._deposit] * 4),
            *([self._deposit_with_permit, self._deposit_with_authorization] * 2),
            *([self._start_close, self._challenge, self._settle] * 3),
            *([self._unlock] * 4),
            self._withdraw,
            self._collect,
            self._close,
            self._close_one_way,
            self._by_intent,
            self._collect_many,
            self._challenge_many,
            self._settle_many,
            self._unlock_many,
            self._claim,
            self._claim,
        )
        return rng.choice(makers)()

    def _bar_or_pause(self) -> None:
        token = artifact("DevUSDC").interface
        # A pause stops deposits, and with them nearly everything: it is a short one.
        if self.model.paused or self.rng.random() < 0.2:
            self.model.paused = not self.model.paused
            self._admin(self.chain.token, token.encode_call("setPaused", self.model.paused))
            return
        who = self.rng.choice((self.payer, self.payee, self.other)).address
        barred = self.rng.random() < 0.4
        (self.model.barred.add if barred else self.model.barred.discard)(who)
        self._admin(self.chain.token, token.encode_call("setBlacklisted", str(who), barred))

    def _decide(self) -> None:
        locks = [lock for held in self.locks.values() for lock in held]
        if not locks:
            return
        lock = self.rng.choice(locks)
        if (self.arbitration, lock.key) in self.model.outcomes:
            return
        share = self.rng.choice((0, 1, 3333, 9999, BPS))
        domain = Domain(CHAIN_ID, self.arbitration, ARBITRATION_NAME)
        signature = to_compact(self.arbiter.sign_digest(verdict_digest(domain, lock.key, share)))
        data = artifact("Arbitration").interface.encode_call(
            "record", [str(self.arbiter.address)], 1, bytes(self.cases[lock.key].case_id), share, [signature]
        )
        mined(self.anvil, self._tick(), self.stranger.address, self.arbitration, data)
        self.model.outcomes[self.arbitration, lock.key] = Outcome(share, self.anvil.time)

    def _any(self) -> int:
        return self.rng.randrange(len(self.channels))

    def _at(self, *phases: type[Phase], one_way: bool | None = None) -> int:
        """Return a channel that is in one of these phases and of this kind, as a rule."""
        fitting = [
            at
            for at, channel in enumerate(self.channels)
            if isinstance(self.model.record(channel).phase, phases) and one_way in (None, channel.one_way)
        ]
        return self.rng.choice(fitting) if fitting and self.rng.random() < 0.85 else self._any()

    def _a_deposit(self) -> tuple[Channel, bool, int]:
        return (
            self.channels[self._at(Unopened, Open)],
            self.rng.random() < 0.4,
            self.rng.choice((0, 1, *[100] * 6, 2**95)),
        )

    def _deposit(self) -> Call:
        channel, for_payee, amount = self._a_deposit()
        sender = self.stranger.address
        return self._call(
            "deposit",
            sender,
            lambda: self.model.deposit(channel, amount, sender, for_payee=for_payee),
            calls.terms(channel),
            for_payee,
            amount,
        )

    def _deposit_with_permit(self) -> Call:
        """As a rule by the party whose side it is, with a permit for just this amount."""
        channel, for_payee, amount = self._a_deposit()
        parties = {account.address: account for account in (self.payer, self.payee, self.other)}
        sender = channel.payee if for_payee else channel.payer
        if self.rng.random() < 0.1:
            sender = self.rng.choice(list(parties))
        good = self.rng.random() < 0.85
        nonce = self.model.permits.get(sender, 0) + (0 if good else 1)
        deadline = self.time + 1000
        values = (str(sender), str(self.chain.contract), amount, nonce, deadline)
        types = ("bytes32", "address", "address", "uint256", "uint256", "uint256")
        struct = keccak(encode(types, (keccak(PERMIT_TYPE), *values)))
        signature = parties[sender].sign_digest(Bytes32(keccak(b"\x19\x01" + self.token_domain + struct)))
        return self._call(
            "depositWithPermit",
            sender,
            lambda: self.model.deposit_with_permit(channel, amount, sender, for_payee=for_payee, good=good),
            calls.terms(channel),
            for_payee,
            amount,
            (deadline, signature[64], signature[:32], signature[32:64]),
        )

    def _deposit_with_authorization(self) -> Call:
        """Sent by a stranger; now and then signed by another than the party, or with a salt that was used."""
        channel, for_payee, amount = self._a_deposit()
        accounts = {account.address: account for account in (self.payer, self.payee, self.other)}
        party = accounts[channel.payee if for_payee else channel.payer]
        signer = party if self.rng.random() < 0.9 else self.stranger
        auth_salt = self.rng.choice((*self.auth_salts, Bytes32(self.rng.randbytes(32))))
        nonce = authorization_nonce(self.model.domain.channel_id(channel), auth_salt)
        valid_before = self.time + self.rng.choice((0, 1, 2, 100, 100, 100))
        digest = authorization_digest(
            self.token_domain,
            owner=party.address,
            contract=self.chain.contract,
            amount=amount,
            valid_after=0,
            valid_before=valid_before,
            nonce=nonce,
        )
        good = signer is party
        return self._call(
            "depositWithAuthorization",
            self.stranger.address,
            lambda: self.model.deposit_with_authorization(
                channel, amount, nonce, valid_before, for_payee=for_payee, good=good
            ),
            calls.terms(channel),
            for_payee,
            amount,
            (bytes(auth_salt), 0, valid_before, signer.sign_digest(digest)),
        )

    def _withdraw(self) -> Call:
        at = self._at(Open, one_way=False)
        deadline = self.time + self.rng.choice((0, 1, 2, 100))
        withdrawal = Withdrawal(self.id(at), self.rng.randrange(120), self.rng.randrange(120), deadline)
        good, signatures = self._signed(withdrawal)
        channel = self.channels[at]
        values = (withdrawal.payer_total, withdrawal.payee_total, withdrawal.deadline)
        return self._call(
            "withdraw",
            self.stranger.address,
            lambda: self.model.withdraw(channel, withdrawal, good),
            calls.terms(channel),
            values,
            signatures,
        )

    def _voucher(self) -> tuple[Channel, int, bool, object]:
        at = self._at(Open, Closing, one_way=True)
        paid = self.rng.choice((0, self.rng.randrange(200), 2**128 - 1))
        good, (payer, _) = self._signed(Voucher(self.id(at), paid))
        return self.channels[at], paid, good[0], payer

    def _collect(self) -> Call:
        channel, paid, good, signature = self._voucher()
        return self._call(
            "collect",
            self.stranger.address,
            lambda: self.model.collect(channel, paid, good=good),
            calls.terms(channel),
            paid,
            signature,
        )

    def _collect_many(self) -> Call:
        items = [self._voucher() for _ in range(self.rng.randrange(4))]
        return self._call(
            "collectMany",
            self.stranger.address,
            lambda: self.model.collect_many([(channel, paid, good) for channel, paid, good, _ in items]),
            [(calls.terms(channel), paid, signature) for channel, paid, _, signature in items],
        )

    def _close(self) -> Call:
        at = self._at(Open, Closing)
        close = Close(self.id(at), self.rng.randrange(-150, 250))
        good, signatures = self._signed(close)
        channel = self.channels[at]
        return self._call(
            "close",
            self.stranger.address,
            lambda: self.model.close(channel, close.paid, good),
            calls.terms(channel),
            close.paid,
            signatures,
        )

    def _close_one_way(self) -> Call:
        channel, paid, good, signature = self._voucher()
        sender = self.rng.choice((channel.payee, channel.payee_signer, channel.payer))
        return self._call(
            "closeOneWay",
            sender,
            lambda: self.model.close_one_way(channel, paid, sender, good=good),
            calls.terms(channel),
            paid,
            signature,
        )

    def _evidence(self, at: int) -> tuple[State, Signatures, tuple[object, object]]:
        """Return a state, usually of this channel, with its signatures."""
        of = at if at < TWO_WAY else self.rng.randrange(TWO_WAY)
        state = self.states[of, self.rng.randrange(1, SEQUENCES + 1)]
        good, signatures = self._signed(state)
        # A state of another channel: the signatures are over another digest.
        return state, good if of == at else (False, False), signatures

    def _start_close(self) -> Call:
        at = self._at(Open)
        channel = self.channels[at]
        sender = self.rng.choice((self.payer, self.payee_signer, self.payee, self.stranger)).address
        if self.rng.random() < 0.4:
            return self._call(
                "startClose",
                sender,
                lambda: self.model.start_close(channel, sender, None, (True, True)),
                calls.terms(channel),
            )
        state, good, signatures = self._evidence(at)
        return self._call(
            "startClose with a state",
            sender,
            lambda: self.model.start_close(channel, sender, state, good),
            calls.terms(channel),
            calls.state_values(state),
            signatures,
        )

    def _by_intent(self) -> Call:
        at = self._at(Open)
        channel = self.channels[at]
        intent = CloseIntent(self.id(at), self.rng.randrange(3), self.time + self.rng.choice((0, 1, 100, 100, 100)))
        signer = self.rng.choice((self.payer_signer, self.payee_signer, self.stranger))
        signature = to_compact(signer.sign_digest(self.model.domain.digest(intent)))
        by_party = signer is not self.stranger
        leave = ((intent.min_sequence, intent.deadline), signature)
        if self.rng.random() < 0.5:
            on_model = lambda: self.model.start_close_by_intent(  # noqa: E731
                channel, None, (True, True), intent, by_party=by_party
            )
            return self._call("startClose by intent", self.stranger.address, on_model, calls.terms(channel), *leave)
        state, good, signatures = self._evidence(at)
        return self._call(
            "startClose with a state by intent",
            self.stranger.address,
            lambda: self.model.start_close_by_intent(channel, state, good, intent, by_party=by_party),
            calls.terms(channel),
            calls.state_values(state),
            signatures,
            *leave,
        )

    def _challenge(self) -> Call:
        at = self._at(Closing, one_way=False)
        channel = self.channels[at]
        state, good, signatures = self._evidence(at)
        return self._call(
            "challenge",
            self.stranger.address,
            lambda: self.model.challenge(channel, state, good),
            calls.terms(channel),
            calls.state_values(state),
            signatures,
        )

    def _challenge_many(self) -> Call:
        items = [
            (self.channels[at], *self._evidence(at)) for at in (self._at(Closing, one_way=False) for _ in range(3))
        ]
        return self._call(
            "challengeMany",
            self.stranger.address,
            lambda: self.model.challenge_many([(channel, state, good) for channel, state, good, _ in items]),
            [(calls.terms(channel), calls.state_values(state), signed) for channel, state, _, signed in items],
        )

    def _settle(self) -> Call:
        channel = self.channels[self._at(Closing)]
        return self._call("settle", self.stranger.address, lambda: self.model.settle(channel), calls.terms(channel))

    def _settle_many(self) -> Call:
        channels = [self.channels[self._at(Closing)] for _ in range(self.rng.randrange(6))]
        return self._call(
            "settleMany",
            self.stranger.address,
            lambda: self.model.settle_many(channels),
            [calls.terms(channel) for channel in channels],
        )

    def _lock(self) -> tuple[Channel, Lock, tuple[Bytes32, ...]] | None:
        """Return a lock of a state with its proof: usually of the state that was settled."""
        held = [(key, locks) for key, locks in self.locks.items() if locks.locks]
        settled = [(key, locks) for key, locks in held if self.model.record(self.channels[key[0]]).root == locks.root]
        among = settled if self.rng.random() < 0.85 else held
        if not among:
            return None
        (at, _), locks = self.rng.choice(among)
        lock = self.rng.choice(locks.locks)
        of = at if self.rng.random() < 0.95 else self._any()
        return self.channels[of], lock, locks.proof(lock.lock_id)

    def _unlock(self) -> Call:
        found = self._lock()
        if found is None:
            return self._settle()
        channel, lock, proof = found
        data = calls.unlock(channel, lock, proof)
        on_model = lambda: self.model.unlock(channel, lock, proof)  # noqa: E731
        return Call("unlock", self._tick(), self.stranger.address, self.chain.contract, data, on_model)

    def _unlock_many(self) -> Call:
        items = [found for found in (self._lock() for _ in range(3)) if found]
        return self._call(
            "unlockMany",
            self.stranger.address,
            lambda: self.model.unlock_many(items),
            [(calls.terms(channel), *calls.proven(lock, proof)) for channel, lock, proof in items],
        )

    def _claim(self) -> Call:
        creditor = self.rng.choice((self.payer, self.payee, self.other)).address
        to = self.rng.choice((creditor, self.stranger.address, self.payee.address))
        return self._call("claim", creditor, lambda: self.model.claim(creditor, to), str(self.chain.token), str(to))

    # Setting up ------------------------------------------------------------------------------------------------

    def _admin(self, to: Address, data: bytes) -> None:
        receipt = mined(self.anvil, self._tick(), self.chain.deployer.address, to, data)
        assert int(receipt["status"], 16) == 1

    def _deploy(self, name: str) -> Address:
        receipt = mined(self.anvil, self._tick(), self.chain.deployer.address, None, artifact(name).bytecode)
        return Address(bytes.fromhex(receipt["contractAddress"][2:]))

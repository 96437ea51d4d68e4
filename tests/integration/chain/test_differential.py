"""The contract and the Python core run the same random histories and agree to the unit (docs/protocol.md, section 5).

Each step calls the real contract on Anvil and the model of it over the pure core, with good and bad arguments alike.
Both either refuse with the same error or emit the same events, and afterwards every balance, claim and channel is the
same.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from penstock.chain.artifacts import artifact
from penstock.chain.contracts import ChannelsContract, decode_log
from penstock.chain.reverts import explain
from penstock.chain.rpc import Log, Rpc, log_from_json
from penstock.chain.tokens import Token
from penstock.protocol.messages import State
from penstock.protocol.onchain import Closing, Ended, OnChain
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.settlement import settle
from tests.integration.chain.histories import FUNDS, Call, Historian
from tests.support.anvil import Chain, deploy, run_anvil
from tests.support.contract_model import Claimed, ClaimRecorded, ContractModel, ModelEvent, Record, Refused, Skipped

STEPS = 150
SEEDS = range(8)
FUNCTIONS = {
    *("deposit", "depositWithPermit", "depositWithAuthorization", "withdraw", "collect", "close", "closeOneWay"),
    *("startClose", "startClose with a state", "startClose by intent", "startClose with a state by intent"),
    *("challenge", "settle", "unlock", "claim", "collectMany", "challengeMany", "settleMany", "unlockMany"),
}
REFUSALS_MIN = 18


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with run_anvil("--hardfork", "prague") as anvil:
        yield deploy(anvil)


@pytest.mark.timeout(300)
def test_the_contract_and_the_core_agree(chain: Chain) -> None:
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()

    for seed in SEEDS:
        history = Historian(random.Random(seed), chain)
        for step in range(STEPS):
            call = history.next()
            expected = outcome_of_model(history.model, call)
            got = outcome_of_contract(chain, call)
            where = f"seed {seed}, step {step}: {call.name}"
            assert got == expected, where
            check_same(chain, history, where)
            if isinstance(got, str):
                refused[got] += 1
            elif not all(isinstance(event, Skipped) for event in got):
                done[call.name] += 1

    # A history in which nothing happens would agree as well.
    assert set(done) == FUNCTIONS, (done, refused)
    assert len(refused) >= REFUSALS_MIN, refused


def outcome_of_model(model: ContractModel, call: Call) -> list[ModelEvent] | str:
    model.now = call.time
    try:
        return model.run(call.on_model)
    except Refused as refusal:
        return str(refusal)


def outcome_of_contract(chain: Chain, call: Call) -> list[ModelEvent] | str:
    receipt = call.send(chain.anvil)
    if int(receipt["status"], 16) == 0:
        # It changed nothing: called again in the state and at the time of its block, it fails alike.
        fields = {"from": str(call.sender), "to": str(call.to), "data": "0x" + call.data.hex()}
        return error_of(chain.anvil.refusal("eth_call", fields, receipt["blockNumber"]))
    ours = str(chain.contract).lower()
    return [event_of(log_from_json(shape)) for shape in receipt["logs"] if shape["address"] == ours]


def error_of(data: bytes) -> str:
    return explain(data).partition("(")[0]


def event_of(log: Log) -> ModelEvent:
    """Return a log of the contract as the model says it."""
    about_a_channel = decode_log(log)
    if about_a_channel is not None:
        return about_a_channel[1]
    event = artifact("Channels").interface.events[Bytes32(log.topics[0])]
    values = event.decode(log.topics, log.data)
    match event.name:
        case "Skipped":
            return Skipped(Bytes32(values["channelId"]), error_of(values["reason"]))
        case "ClaimRecorded":
            return ClaimRecorded(address(values["creditor"]), values["amount"])
        case "Claimed":
            return Claimed(address(values["creditor"]), address(values["to"]), values["amount"])
    raise AssertionError(event.name)


def address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))


def check_same(chain: Chain, history: Historian, where: str) -> None:
    """Check that balances, claims and channels are the same on both sides."""
    model = history.model

    async def read(rpc: Rpc) -> tuple[dict[Bytes32, OnChain], dict[Address, int], dict[Address, int]]:
        contract, token = ChannelsContract(rpc, chain.domain), Token(rpc, chain.token)
        channels = {channel_id: await contract.get_channel(channel_id) for channel_id in model.records}
        claims = {who: await contract.claim_of(chain.token, who) for who in history.holders}
        balances = {who: await token.balance(who) for who in (chain.contract, *history.holders)}
        return channels, claims, balances

    channels, claims, balances = chain.run(read)
    for channel_id, record in model.records.items():
        assert channels[channel_id] == as_viewed(record), where
    assert claims == {who: model.claims.get(who, 0) for who in claims}, where
    assert balances.pop(chain.contract) - history.held_before == model.held, where
    assert balances == {who: FUNDS + model.moved.get(who, 0) for who in balances}, where


def as_viewed(record: Record) -> OnChain:
    """Return what the contract's view says: a disputed state is split, and an agreed close leaves no figures."""
    phase, chain = record.phase, record.chain
    if record.agreed:
        return replace(chain, phase=Ended(0, 0))
    if not isinstance(phase, Closing) or phase.state.sequence == 0:
        return chain
    payout = settle(chain, phase.state)
    paid = chain.payer_deposit - chain.payer_withdrawn - payout.payer_paid - payout.payer_pool
    split = State(phase.state.channel_id, phase.state.sequence, paid, payout.payer_pool, payout.payee_pool, record.root)
    return replace(chain, phase=Closing(phase.deadline, split))

"""A watcher as a real process on a real chain: closes are answered, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.rpc import Rpc
from penstock.protocol.onchain import Challenged, Closing, ClosingStarted, Collected, Ended, Event, OnChain
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import check_signer
from penstock.protocol.wire import ReceiptJson, evidence_to_json, receipt_from_json
from tests.support.anvil import USDC, Chain, deploy, run_anvil
from tests.support.disputes import CHALLENGE_PERIOD_SECONDS, Pair, make_pair
from tests.support.miner import Miner, mining
from tests.support.watching import WatcherProcess, as_json, new_watcher, until


@pytest.fixture
def chain() -> Iterator[Chain]:
    """The contracts on a chain of the test's own."""
    with run_anvil() as anvil:
        yield deploy(anvil)


@pytest.fixture(autouse=True)
def miner(chain: Chain) -> Iterator[Miner]:
    """Five blocks a second."""
    with mining(chain.anvil) as made:
        yield made


@pytest.fixture
def watcher(chain: Chain, tmp_path: Path) -> Iterator[WatcherProcess]:
    with new_watcher(chain, tmp_path) as made:
        yield made


def onchain(chain: Chain, channel_id: Bytes32) -> OnChain:
    async def work(rpc: Rpc) -> OnChain:
        return await ChannelsContract(rpc, chain.domain).get_channel(channel_id)

    return chain.run(work)  # type: ignore[no-any-return]


def events(chain: Chain, channel_id: Bytes32) -> dict[type[Event], int]:
    """Return a channel's events by kind, with the block each kind came in last."""

    async def work(rpc: Rpc) -> dict[type[Event], int]:
        contract = ChannelsContract(rpc, chain.domain)
        found = await contract.events_between(chain.start_block, chain.anvil.height, channel_id)
        return {type(event): where.block_number for where, event in found}

    return chain.run(work)  # type: ignore[no-any-return]


def has_ended(pair: Pair) -> bool:
    return isinstance(onchain(pair.chain, pair.channel_id).phase, Ended)


def is_disputed_at(pair: Pair, sequence: int) -> bool:
    phase = onchain(pair.chain, pair.channel_id).phase
    return isinstance(phase, Closing) and phase.state.sequence == sequence


def was_answered(pair: Pair) -> bool:
    """Return whether a state was shown after the block of the close, which may have brought one itself."""
    seen = events(pair.chain, pair.channel_id)
    return seen.get(Challenged, 0) > seen.get(ClosingStarted, 0)


def test_a_stale_close_is_answered_within_two_blocks_and_settled_at_the_newest_state(
    watcher: WatcherProcess, miner: Miner
) -> None:
    chain = watcher.chain
    watcher.start()
    pair = make_pair(chain)
    shape = watcher.give(pair.channel, pair.state(10, 30 * USDC))
    miner.pace(1.0)
    pair.send(calls.start_close(pair.channel, pair.state(3, 5 * USDC)))
    until(lambda: was_answered(pair), "the close is answered")

    seen = events(chain, pair.channel_id)
    assert seen[Challenged] - seen[ClosingStarted] <= 2

    chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
    until(lambda: has_ended(pair), "the channel is settled")
    phase = onchain(chain, pair.channel_id).phase
    assert isinstance(phase, Ended)
    assert (phase.payer_paid, phase.payee_paid) == (70 * USDC, 30 * USDC)
    assert chain.balance(pair.payee.address) == 30 * USDC
    receipt, signature = receipt_from_json(ReceiptJson(**shape))
    check_signer(chain.domain.digest(receipt), signature, watcher.account.address)


def test_a_voucher_is_collected_before_a_one_way_deadline(watcher: WatcherProcess) -> None:
    chain = watcher.chain
    watcher.start()
    pair = make_pair(chain, one_way=True)
    watcher.give(pair.channel, pair.voucher(40 * USDC))

    pair.send(calls.start_close(pair.channel))
    until(lambda: Collected in events(chain, pair.channel_id), "the voucher is collected")
    chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
    until(lambda: has_ended(pair), "the channel is settled")

    assert chain.balance(pair.payee.address) == 40 * USDC


def test_a_close_while_the_watcher_is_down_is_answered_when_it_is_back(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    watcher.give(pair.channel, pair.state(10, 30 * USDC))
    watcher.kill()

    pair.send(calls.start_close(pair.channel))
    watcher.chain.anvil.mine(50)
    watcher.start()

    until(lambda: was_answered(pair), "the close is answered")


def test_a_channel_that_was_opened_long_before_the_first_evidence_is_protected(watcher: WatcherProcess) -> None:
    pair = make_pair(watcher.chain)
    watcher.chain.anvil.mine(600)
    watcher.start()
    watcher.give(pair.channel, pair.state(10, 30 * USDC))

    pair.send(calls.start_close(pair.channel))

    until(lambda: was_answered(pair), "the close is answered")


def test_evidence_that_comes_after_the_close_is_used_at_once(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    pair.send(calls.start_close(pair.channel))

    watcher.give(pair.channel, pair.state(10, 30 * USDC))

    until(lambda: was_answered(pair), "the close is answered")


def test_a_challenge_that_a_reorg_undid_is_sent_again(watcher: WatcherProcess, miner: Miner) -> None:
    chain = watcher.chain
    watcher.start()
    pair = make_pair(chain)
    watcher.give(pair.channel, pair.state(10, 30 * USDC))
    pair.send(calls.start_close(pair.channel))
    until(lambda: was_answered(pair), "the close is answered")

    undone = miner.undo(events(chain, pair.channel_id)[Challenged])

    until(lambda: events(chain, pair.channel_id).get(Challenged, 0) > undone, "the close is answered again")
    chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
    until(lambda: has_ended(pair), "the channel is settled")
    assert chain.balance(pair.payee.address) == 30 * USDC


def test_two_watchers_do_not_disturb_each_other(watcher: WatcherProcess, tmp_path: Path) -> None:
    chain = watcher.chain
    with new_watcher(chain, tmp_path / "other") as other:
        watcher.start()
        other.start()
        pair = make_pair(chain)
        watcher.give(pair.channel, pair.state(10, 30 * USDC))
        other.give(pair.channel, pair.state(11, 31 * USDC))

        pair.send(calls.start_close(pair.channel))
        # The first answer may be the one with the older state.
        until(lambda: is_disputed_at(pair, 11), "the newest state is shown")
        chain.anvil.increase_time(CHALLENGE_PERIOD_SECONDS)
        until(lambda: has_ended(pair), "the channel is settled")

    assert chain.balance(pair.payee.address) == 31 * USDC


def test_a_second_watcher_with_the_same_key_does_not_start(watcher: WatcherProcess) -> None:
    watcher.start()
    second = WatcherProcess(watcher.chain, watcher.home, watcher.account, watcher.port)
    second.start(wait=False)
    second.process.join(30)

    assert second.process.exitcode == 1
    assert "SignerInUse" in watcher.log
    assert watcher.serves()


def test_sigterm_ends_it_and_nothing_is_lost(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    first = watcher.give(pair.channel, pair.state(10, 30 * USDC))

    watcher.stop()
    watcher.start()

    assert watcher.give(pair.channel, pair.state(10, 30 * USDC)) == first


# The interface --------------------------------------------------------------------------------------------------


def test_the_evidence_is_shown_to_the_signers_of_the_channel_only(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    evidence = pair.state(10, 30 * USDC)
    watcher.give(pair.channel, evidence)

    for signer in (pair.payer, pair.payee):
        answer = watcher.show(pair.channel_id, signer)
        assert answer.status_code == 200
        assert answer.json() == as_json(evidence_to_json(pair.channel, evidence, watcher.chain.domain))
    assert watcher.show(pair.channel_id, watcher.account).json()["code"] == "not-permitted"
    assert watcher.show(pair.channel_id, pair.payer, age=400).json()["code"] == "unauthenticated"
    assert watcher.show(Bytes32(bytes(32)), pair.payer).json()["code"] == "unknown-channel"


def test_bad_evidence_is_refused_by_name_and_changes_nothing(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    good = as_json(evidence_to_json(pair.channel, pair.state(10, 30 * USDC), watcher.chain.domain))
    watcher.give(pair.channel, pair.state(3, 5 * USDC))

    def refusal(**changes: object) -> tuple[int, str]:
        answer = watcher.post(good | changes)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    high_s = "0x" + "11" * 32 + "ff" * 31 + "00" + "1b"
    assert refusal(chainId=1) == (422, "wrong-chain")
    assert refusal(contract=str(pair.payer.address)) == (422, "wrong-chain")
    assert refusal(state=None) == (400, "malformed-field")
    assert refusal(voucher={"paid": "1", "payerSignature": high_s}) == (400, "malformed-field")
    assert refusal(state={**good["state"], "payeeSignature": None}) == (400, "malformed-signature")
    assert refusal(state={**good["state"], "payeeSignature": good["state"]["payerSignature"]}) == (403, "wrong-signer")
    assert refusal(state={**good["state"], "payerSignature": high_s})[1] in ("high-s", "malformed-signature")
    assert refusal(state=None, voucher={"paid": "0", "payerSignature": high_s}) == (422, "amount-out-of-range")
    assert refusal(channel={**good["channel"], "salt": "2"}) == (403, "wrong-signer")
    truncated = httpx.post(f"{watcher.url}/v1/evidence", content=b'{"chainId": 313', headers=_JSON)
    assert (truncated.status_code, truncated.json()["code"]) == (400, "malformed-json")
    assert httpx.get(f"{watcher.url}/v1/evidence").json()["code"] == "method-unsupported"
    assert httpx.get(f"{watcher.url}/nothing").json()["code"] == "route-unknown"

    held = watcher.show(pair.channel_id, pair.payer).json()
    assert held["state"]["state"]["sequence"] == "3"


_JSON = {"content-type": "application/json"}


def test_evidence_for_a_channel_without_a_deposit_is_not_kept(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain, deposit=0)
    body = as_json(evidence_to_json(pair.channel, pair.state(1, USDC), watcher.chain.domain))

    answer = watcher.post(body)

    assert (answer.status_code, answer.json()["code"]) == (409, "channel-unopened")
    assert watcher.show(pair.channel_id, pair.payer).status_code == 404


def test_it_tells_how_it_is_doing(watcher: WatcherProcess) -> None:
    watcher.start()
    pair = make_pair(watcher.chain)
    watcher.give(pair.channel, pair.state(10, 30 * USDC))
    until(lambda: httpx.get(f"{watcher.url}/v1/health").json()["gas"] is not None, "the gas money is known")

    health = httpx.get(f"{watcher.url}/v1/health")
    assert health.status_code == 200
    shape = health.json()
    assert (shape["status"], shape["reasons"], shape["watchedChannels"]) == ("ok", [], 1)
    assert shape["head"]["lagSeconds"] <= 5
    assert shape["gas"]["low"] is False
    metrics = httpx.get(f"{watcher.url}/metrics").text
    assert "penstock_watcher_channels 1.0" in metrics
    assert "penstock_watcher_head_lag_seconds" in metrics
    assert httpx.get(f"{watcher.url}/v1/watcher").json()["address"] == str(watcher.account.address)


def test_too_little_gas_money_is_said_and_none_is_a_failure(chain: Chain, tmp_path: Path) -> None:
    with new_watcher(chain, tmp_path, ether=0) as watcher:
        watcher.start()
        # On a busy machine it says for a moment that its head is old, too.
        reasons = ["the account cannot pay for a single dispute"]
        until(lambda: httpx.get(f"{watcher.url}/v1/health").json()["reasons"] == reasons, "that alone is amiss")

        assert httpx.get(f"{watcher.url}/v1/health").status_code == 503
        assert "gas money is low" in watcher.log


def test_it_starts_without_the_chain_and_takes_up_its_work_when_it_is_there(
    watcher: WatcherProcess, tmp_path: Path
) -> None:
    settings = (tmp_path / "penstock.toml").read_text()
    (tmp_path / "penstock.toml").write_text(settings.replace(watcher.chain.url, "http://127.0.0.1:1"))
    watcher.start()

    health = httpx.get(f"{watcher.url}/v1/health")

    assert health.status_code == 503
    assert health.json()["reasons"] == ["the newest block is not known yet"]


def test_another_chain_is_refused_at_the_start(watcher: WatcherProcess, tmp_path: Path) -> None:
    settings = (tmp_path / "penstock.toml").read_text()
    (tmp_path / "penstock.toml").write_text(settings.replace("chain_id = 31337", "chain_id = 1"))
    watcher.start(wait=False)
    watcher.process.join(30)

    assert watcher.process.exitcode == 1
    assert "serves chain 31337, expected chain 1" in watcher.log


def test_the_interface_describes_itself(watcher: WatcherProcess) -> None:
    watcher.start()

    paths = httpx.get(f"{watcher.url}/openapi.json").json()["paths"]

    assert set(paths) == {"/v1/watcher", "/v1/evidence", "/v1/channels/{channel_id}", "/v1/health"}

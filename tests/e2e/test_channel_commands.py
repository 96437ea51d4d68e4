"""The channel commands against a running ``penstock up``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from penstock.cli import exits
from tests.e2e.penstock import Up, penstock

pytestmark = pytest.mark.timeout(180)

UNKNOWN = "0x" + "11" * 32
TOO_MUCH = str(2**128)


@pytest.fixture(scope="module")
def channel(up: Up) -> str:
    """An open channel that only bad input is given to."""
    opened = up.run("channel", "open", "5").data
    return str(opened["channelId"])


def test_a_payer_without_ether_opens_pays_and_closes(up: Up) -> None:
    opened = up.run("channel", "open", "10").data
    channel = opened["channelId"]
    assert (opened["phase"], opened["spendable"]) == ("open", "10000000")

    paid = up.run("channel", "pay", channel, "0.5").data
    assert (paid["sequence"], paid["paid"], paid["spendable"]) == ("1", "500000", "9500000")
    many = up.run("channel", "pay", channel[:12], "0.01", "--times", "20").data
    assert (many["sequence"], many["paid"]) == ("21", "700000")

    shown = up.run("channel", "show", channel).data
    assert (shown["sequence"], shown["paid"], shown["unanswered"]) == ("21", "700000", 0)
    listed = up.run("channel", "list").data
    assert shown in listed

    closed = up.run("channel", "close", channel).data
    assert closed["phase"] == "settled"
    assert up.run("channel", "pay", channel, "1").error["code"] == "channel-settled"


def test_refunds_withdrawals_and_deposits(up: Up) -> None:
    channel = up.run("channel", "open", "10").data["channelId"]
    up.run("channel", "pay", channel, "2").data  # noqa: B018 (checks the exit status)

    issued = up.run("channel", "refund", channel, "0.5").data
    assert issued["amount"] == "500000"
    assert up.run("channel", "take-refunds", channel).data["refunded"] == "500000"
    assert up.run("channel", "withdraw", channel, "3").data["payerWithdrawn"] == "3000000"
    assert up.run("channel", "deposit", channel, "1").data["spendable"] == "6500000"

    history = up.run("channel", "history", channel).data
    assert [(each["sequence"], each["paid"]) for each in history] == [("2", "1500000"), ("1", "2000000")]


def test_a_one_way_channel_is_collected(up: Up) -> None:
    channel = up.run("channel", "open", "2", "--one-way").data["channelId"]
    up.run("channel", "pay", channel, "0.1", "--times", "5").data  # noqa: B018 (checks the exit status)

    assert up.run("channel", "collect", channel).data["purpose"] == "collect"

    for _ in range(40):
        if up.run("channel", "show", channel).data["payeeWithdrawn"] == "500000":
            return
        time.sleep(0.25)
    pytest.fail("the voucher was not collected")


def test_all_one_way_channels_are_collected_together(up: Up) -> None:
    channels = [up.run("channel", "open", "2", "--one-way").data["channelId"] for _ in range(2)]
    for channel in channels:
        up.run("channel", "pay", channel, "0.1").data  # noqa: B018 (checks the exit status)
    neither = up.run("channel", "collect")
    assert (neither.status, neither.error["code"]) == (exits.USAGE, "command-malformed")

    (sent,) = up.run("channel", "collect", "--all", "--minimum", "100000").data["transactions"]
    assert (sent["purpose"], sent["channelId"]) == ("collect", None)

    for _ in range(40):
        if all(up.run("channel", "show", channel).data["payeeWithdrawn"] == "100000" for channel in channels):
            break
        time.sleep(0.25)
    else:
        pytest.fail("the vouchers were not collected")
    assert up.run("channel", "collect", "--all").data == {"transactions": [], "left": 0}


def test_a_close_without_the_node_needs_gas_and_is_settled_by_the_watcher(up: Up) -> None:
    opened = up.run("channel", "open", "5", "--challenge-period", "3").data
    channel = opened["channelId"]
    up.run("channel", "pay", channel, "1").data  # noqa: B018 (checks the exit status)
    up.take_gas(opened["payer"])
    for command in (("start-close", channel), ("settle", channel), ("open", "5", "--own-gas")):
        refused = up.run("channel", *command)
        assert (refused.status, refused.error["code"]) == (exits.REFUSED, "gas-missing")

    up.run("faucet").data  # noqa: B018 (checks the exit status)
    closing = up.run("channel", "start-close", channel).data
    assert closing["phase"] == "closing"
    assert closing["deadline"] > 0
    assert up.run("channel", "pay", channel, "1").error["code"] == "channel-closing"

    for _ in range(60):
        if up.run("channel", "show", channel).data["phase"] == "settled":
            return
        time.sleep(0.5)
    pytest.fail("nobody settled the channel")


def test_a_lost_store_is_recovered(up: Up) -> None:
    channel = up.run("channel", "open", "5").data["channelId"]
    up.run("channel", "pay", channel, "1", "--times", "2").data  # noqa: B018 (checks the exit status)
    lost = up.home / "client"
    kept = lost.rename(up.home / "client-lost")

    recovered = up.run("channel", "recover", channel).data
    paid = up.run("channel", "pay", channel, "1").data

    assert recovered[0]["paid"] == "2000000"
    assert paid["paid"] == "3000000"
    # The other tests go on with the store that has their channels.
    lost.rename(up.home / "client-recovered")
    kept.rename(lost)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("pay", "{channel}", "0"), exits.USAGE, "amount-out-of-range"),
        (("pay", "{channel}", TOO_MUCH), exits.USAGE, "amount-out-of-range"),
        (("pay", "{channel}", "1e3"), exits.USAGE, "amount-malformed"),
        (("pay", "{channel}", "0.0000001"), exits.USAGE, "amount-malformed"),
        (("pay", "{channel}", "1000"), exits.REFUSED, "balance-exceeded"),
        (("pay", UNKNOWN, "1"), exits.REFUSED, "channel-not-kept"),
        (("pay", "0x1234567", "1"), exits.REFUSED, "channel-not-kept"),
        (("pay", "nonsense", "1"), exits.USAGE, "malformed-field"),
        (("pay", "{channel}", "1", "--cause-id", "0x12"), exits.USAGE, "malformed-field"),
        (("pay", "{channel}"), exits.USAGE, "command-malformed"),
        (("pay", "{channel}", "1", "--times", "0"), exits.USAGE, "command-malformed"),
        (("pay", "{channel}", "1", "--times", "2", "--cause-id", UNKNOWN), exits.USAGE, "command-malformed"),
        (("open", "0"), exits.USAGE, "amount-out-of-range"),
        (("open", TOO_MUCH), exits.USAGE, "amount-out-of-range"),
        (("open", "100000"), exits.REFUSED, "opening-refused"),
        (("open", "0.5"), exits.REFUSED, "gasless-unavailable"),
        (("open", "5", "--challenge-period", "1"), exits.REFUSED, "challenge-period-out-of-range"),
        (("open", "5", "--token", "0x" + "22" * 20), exits.REFUSED, "call-reverted"),
        (("withdraw", "{channel}", "100"), exits.REFUSED, "withdrawal-uncovered"),
        (("collect", "{channel}"), exits.REFUSED, "wrong-kind"),
        (("refund", "{channel}", "0"), exits.USAGE, "amount-out-of-range"),
        (("refund", "{channel}", "1"), exits.REFUSED, "balance-exceeded"),
        (("show", UNKNOWN), exits.REFUSED, "channel-not-kept"),
        (("recover", UNKNOWN), exits.REFUSED, "unknown-channel"),
        (("settle", "{channel}"), exits.REFUSED, "transaction-failed"),
        (("frobnicate",), exits.USAGE, "command-malformed"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(
    up: Up, channel: str, arguments: tuple[str, ...], status: int, code: str
) -> None:
    up.run("faucet").data  # noqa: B018 (checks the exit status)
    before = up.run("channel", "show", channel).data

    done = up.run("channel", *(word.format(channel=channel) for word in arguments))

    assert (done.status, done.error["code"]) == (status, code), done.err
    assert done.error["message"]
    assert done.error["remedy"]
    assert up.run("channel", "show", channel).data == before


def test_people_read_sentences(up: Up, channel: str) -> None:
    done = penstock("channel", "pay", channel, "1000", "--home", str(up.home))

    first, second = done.err.splitlines()
    assert first.startswith("Error: the payer ")
    assert second.startswith("What to do: ")
    assert done.status == exits.REFUSED


def test_a_wrong_password_opens_nothing(up: Up) -> None:
    done = penstock("channel", "list", "--home", str(up.home), "--json", PENSTOCK_PASSWORD="wrong")

    assert (done.status, done.error["code"]) == (exits.USAGE, "wrong-password")


def test_without_a_home_the_way_to_make_one_is_named(tmp_path: Path) -> None:
    done = penstock("channel", "list", "--home", str(tmp_path), "--json")

    assert (done.status, done.error["code"]) == (exits.USAGE, "home-missing")
    assert "penstock up" in done.error["remedy"]


def test_status_tells_who_is_well(up: Up) -> None:
    assert {name: each["status"] for name, each in up.run("status").data.items()} == {"node": "ok", "watcher": "ok"}


def test_status_and_payments_fail_by_name_when_nobody_serves(tmp_path: Path, up: Up) -> None:
    home = tmp_path / "home"
    home.mkdir()
    config = (up.home / "penstock.toml").read_text()
    for port in up.ports:
        config = config.replace(str(port), "1")
    (home / "penstock.toml").write_text(config)
    (home / "keys").symlink_to(up.home / "keys")
    (home / "password").symlink_to(up.home / "password")

    status = penstock("status", "--home", str(home), "--json")
    listed = penstock("channel", "list", "--home", str(home), "--json")

    assert status.status == exits.UNREACHABLE
    assert (listed.status, listed.error["code"]) == (exits.UNREACHABLE, "rpc-unavailable")

"""The command line's small parts: ports, amounts, passwords, words and exit statuses."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path

import pytest

from penstock.chain.errors import RpcUnavailable, TransactionFailed, WrongPassword
from penstock.cli import exits
from penstock.cli.amounts import parse_amount, show_amount
from penstock.cli.errors import (
    AmountMalformed,
    GasMissing,
    PasswordFileUnreadable,
    PasswordMissing,
    PortBusy,
    ProcessDied,
    Unreachable,
)
from penstock.cli.output import Output, report
from penstock.cli.passwords import read_password
from penstock.cli.ports import check_free, free_ports
from penstock.client.errors import NodeUnreachable, PaymentUnanswered
from penstock.config import SettingsInvalid
from penstock.protocol.errors import AmountOutOfRange, UnknownChannel
from penstock.storage.errors import SchemaTooNew


def test_a_port_somebody_listens_on_is_named_with_the_option_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortBusy) as caught:
            check_free("127.0.0.1", port, "the node", "--node-port")

    assert str(port) in str(caught.value)
    assert "--node-port" in str(caught.value)


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(5)

    assert len(set(ports)) == 5
    for port in ports:
        check_free("127.0.0.1", port, "a test", "--port")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1", 1_000_000),
        ("0.000001", 1),
        ("2.50", 2_500_000),
        ("0", 0),
        ("340282366920938463463", 340282366920938463463 * 10**6),
    ],
)
def test_amounts_are_read_as_smallest_units(text: str, units: int) -> None:
    assert parse_amount(text, 6) == units


@pytest.mark.parametrize(
    "text", ["", "-1", "1e6", "1.", ".5", "1,000", "0.0000001", "one", "\u0661", "9" * 80, "1_000", " 1", "0x10"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(AmountMalformed):
        parse_amount(text, 6)


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (0, 6, "0.000000"),
        (1, 6, "0.000001"),
        (1_234_567_890, 6, "1,234.567890"),
        (-25_000, 6, "-0.025000"),
        (7, 0, "7"),
    ],
)
def test_amounts_are_written_with_every_decimal(units: int, decimals: int, text: str) -> None:
    assert show_amount(units, decimals) == text


def test_the_password_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\nand a second line\n")
    monkeypatch.setenv("PENSTOCK_PASSWORD", "from the environment")

    assert read_password(tmp_path / "key.json", file) == "from the file"
    assert read_password(tmp_path / "key.json", None) == "from the environment"


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")

    with pytest.raises(PasswordFileUnreadable, match="empty"):
        read_password(tmp_path / "key.json", file)


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PasswordFileUnreadable, match="No such file"):
        read_password(tmp_path / "key.json", tmp_path / "nowhere")


def test_without_a_terminal_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("PENSTOCK_PASSWORD", raising=False)

    with pytest.raises(PasswordMissing, match=r"key\.json"):
        read_password(tmp_path / "key.json", None)


def test_an_error_is_one_sentence_and_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    report(AmountOutOfRange("amount", 0, 1, 9), as_json=False)

    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Error: amount is 0, expected 1 to 9"
    assert said[1].startswith("What to do: ")
    assert len(said) == 2


def test_an_error_in_json_carries_its_code_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    report(AmountOutOfRange("amount", 0, 1, 9), as_json=True)

    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "amount-out-of-range"
    assert error["values"] == {"field": "amount", "got": "0", "minimum": "1", "maximum": "9"}


def test_a_bug_shows_no_trace(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_DEBUG", raising=False)

    report(ZeroDivisionError("by zero"), as_json=False)

    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ZeroDivisionError: by zero" in said


def test_results_and_notes_go_to_different_streams(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)

    output.note("working")
    output.result({"a": 1}, "shown")

    assert capsys.readouterr() == ("shown\n", "working\n")


def test_json_is_the_only_thing_a_program_sees(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)

    output.note("working")
    output.result({"a": 1}, "shown")

    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert err == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PortBusy("a", "h", 1, "--o"), exits.USAGE),
        (AmountOutOfRange("amount", 0, 1, 9), exits.USAGE),
        (UnknownChannel("0x"), exits.REFUSED),
        (Unreachable("the node", "http://", "refused"), exits.UNREACHABLE),
        (NodeUnreachable("http://", "GET /", "refused"), exits.UNREACHABLE),
        (PaymentUnanswered("http://", "POST /", "refused", "0x", 1), exits.UNREACHABLE),
        (RpcUnavailable("http://", "eth_call", "refused"), exits.UNREACHABLE),
        (WrongPassword("key.json"), exits.USAGE),
        (SettingsInvalid("penstock.toml", "chain: missing"), exits.USAGE),
        (TransactionFailed("settle:0x", "reverted"), exits.REFUSED),
        (GasMissing("0x"), exits.REFUSED),
        (SchemaTooNew("9", "1"), exits.FAILED),
        (ProcessDied("node", "signal SIGKILL"), exits.FAILED),
        (ZeroDivisionError(), exits.FAILED),
    ],
)
def test_every_fault_has_its_exit_status(error: Exception, status: int) -> None:
    assert exits.status_of(error) == status

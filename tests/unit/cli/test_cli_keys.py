"""``penstock keys``: encrypted keystores, and secrets in no argument, output or log."""

from __future__ import annotations

import io
import json
import stat
import sys
from pathlib import Path

import pytest
from coincurve import PrivateKey

from penstock import __version__
from penstock.chain.keys import load_keystore
from penstock.cli import exits
from penstock.cli.main import run
from penstock.protocol.signatures import address_of

SECRET = "11" * 32


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PASSWORD", "correct horse")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    error: dict[str, object] = json.loads(capsys.readouterr().err)["error"]
    return error


def test_a_new_key_is_encrypted_and_only_its_owner_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new", "payer", "--home", str(tmp_path), "--json"]) == exits.DONE

    shown = json.loads(capsys.readouterr().out)
    path = tmp_path / "keys" / "payer.json"
    key = load_keystore(path, "correct horse")
    assert shown["address"] == str(address_of(PrivateKey(key).public_key.format(compressed=False)[1:]))
    assert json.loads(path.read_text())["crypto"]["kdf"] == "scrypt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.hex() not in path.read_text()


def test_a_key_is_taken_over_from_standard_input_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"0x{SECRET}\n"))

    assert run(["keys", "import", "payer", "--home", str(tmp_path)]) == exits.DONE

    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert load_keystore(tmp_path / "keys" / "payer.json", "correct horse").hex() == SECRET


@pytest.mark.parametrize("text", ["", "0x12", "zz" * 32, "00" * 32, "ff" * 32, SECRET + "11"])
def test_what_is_no_key_is_refused_without_being_repeated(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text + "\n"))

    assert run(["keys", "import", "payer", "--home", str(tmp_path), "--json"]) == exits.USAGE

    error = error_of(capsys)
    assert error["code"] == "invalid-key"
    assert not text or text not in json.dumps(error)
    assert not (tmp_path / "keys").exists()


def test_keys_are_listed_with_their_addresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b", "a"):
        run(["keys", "new", name, "--home", str(tmp_path)])
    capsys.readouterr()

    assert run(["keys", "list", "--home", str(tmp_path), "--json"]) == exits.DONE

    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["a", "b"]


def test_an_existing_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "new", "payer", "--home", str(tmp_path)])
    before = (tmp_path / "keys" / "payer.json").read_bytes()
    capsys.readouterr()

    assert run(["keys", "new", "payer", "--home", str(tmp_path), "--json"]) == exits.USAGE

    assert error_of(capsys)["code"] == "keystore-exists"
    assert (tmp_path / "keys" / "payer.json").read_bytes() == before


def test_an_unknown_key_names_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "new", "payer", "--home", str(tmp_path)])
    capsys.readouterr()

    assert run(["keys", "show", "payee", "--home", str(tmp_path), "--json"]) == exits.USAGE

    assert error_of(capsys)["values"] == {"name": "payee", "known": "payer"}


@pytest.mark.parametrize("name", ["", "../payer", "a/b", "a b", "x" * 65, "é"])
def test_a_name_that_makes_no_file_name_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "new", name, "--home", str(tmp_path), "--json"]) == exits.USAGE

    assert error_of(capsys)["code"] == "key-name-malformed"


@pytest.mark.parametrize("arguments", [["keys", "frob"], ["keys", "new"], ["keys", "list", "--frob"], ["frob"]])
def test_a_malformed_command_is_named_and_points_to_the_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == exits.USAGE

    error = error_of(capsys)
    assert error["code"] == "command-malformed"
    assert "--help" in str(error["message"])


@pytest.mark.parametrize("arguments", [[], ["keys"], ["channel"]])
def test_a_command_without_arguments_shows_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == exits.USAGE

    out, err = capsys.readouterr()
    assert "Usage: penstock" in out + err
    assert "Error" not in err


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == exits.DONE

    assert capsys.readouterr().out == f"{__version__}\n"

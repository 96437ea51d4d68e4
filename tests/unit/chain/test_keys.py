"""Keystores: made once, readable by their owner only, opened by their password only."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.chain.account import Account, new_key
from penstock.chain.errors import KeystoreExists, KeystoreUnreadable, WrongPassword
from penstock.chain.keys import keystore_address, load_keystore, save_keystore

WEAK = 2
"""The least work factor, so that the tests do not wait for scrypt."""


def test_a_key_comes_back_with_its_password(tmp_path: Path) -> None:
    key = new_key()

    address = save_keystore(tmp_path / "a.json", key, "secret", iterations=WEAK)

    assert load_keystore(tmp_path / "a.json", "secret") == key
    assert keystore_address(tmp_path / "a.json") == address == Account(key).address


def test_a_keystore_is_for_its_owner_only(tmp_path: Path) -> None:
    save_keystore(tmp_path / "a.json", new_key(), "secret", iterations=WEAK)

    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


def test_a_wrong_password_is_named(tmp_path: Path) -> None:
    save_keystore(tmp_path / "a.json", new_key(), "secret", iterations=WEAK)

    with pytest.raises(WrongPassword):
        load_keystore(tmp_path / "a.json", "other")


def test_a_keystore_is_never_overwritten(tmp_path: Path) -> None:
    save_keystore(tmp_path / "a.json", new_key(), "secret", iterations=WEAK)

    with pytest.raises(KeystoreExists):
        save_keystore(tmp_path / "a.json", new_key(), "secret", iterations=WEAK)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 3}', '{"version": 9, "crypto": {}}', "\x00"])
def test_what_is_no_keystore_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)

    with pytest.raises(KeystoreUnreadable):
        load_keystore(tmp_path / "a.json", "secret")
    with pytest.raises(KeystoreUnreadable):
        keystore_address(tmp_path / "a.json")


def test_a_missing_keystore_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeystoreUnreadable):
        load_keystore(tmp_path / "none.json", "secret")

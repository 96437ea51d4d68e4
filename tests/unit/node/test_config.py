"""Settings: one file, overridden by variables; faults are named and secrets never shown."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard, get_args

import pytest
from pydantic import BaseModel

from penstock.config import PasswordFileUnusable, Settings, SettingsInvalid, load_settings

FILE = """\
[chain]
chain_id = 31337
contract = "0xcccccccccccccccccccccccccccccccccccccccc"

[node]
port = 9000
tokens = ["0xdddddddddddddddddddddddddddddddddddddddd"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "penstock.toml").write_text(FILE)
    return tmp_path


def test_the_file_is_read_and_the_rest_has_defaults(home: Path) -> None:
    settings = load_settings(home)

    node = settings.require_node()
    assert (node.port, node.host, settings.chain.confirmations) == (9000, "127.0.0.1", 1)
    assert settings.path(node.keystore) == home / "keys/node.json"
    assert settings.database_url(node, "node") == f"sqlite:///{home}/node.db"


def test_variables_go_before_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_NODE__PORT", "9001")
    monkeypatch.setenv("PENSTOCK_NODE__DATABASE_URL", "postgresql+psycopg://db/penstock")
    monkeypatch.setenv("PENSTOCK_PASSWORD", "from the environment")

    settings = load_settings(home)

    node = settings.require_node()
    assert node.port == 9001
    assert settings.database_url(node, "node") == "postgresql+psycopg://db/penstock"
    assert settings.keystore_password(None) == "from the environment"
    assert "from the environment" not in repr(settings)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("[node]\nprt = 1", "node"),
        ("[chain]\nchain_id = 'x'\ncontract = '0x01'", "chain.chain_id"),
        ("[chain]\nchain_id = 1\ncontract = '0x01'", "40 hex digits"),
        ("[chain\n", "line 1"),
        ("", "chain"),
        (FILE.replace("9000", "70000"), "node.port"),
        (
            FILE + "challenge_period_minimum_seconds = 9\nchallenge_period_maximum_seconds = 8",
            "challenge_period_minimum",
        ),
        (FILE.replace('tokens = ["0xdddddddddddddddddddddddddddddddddddddddd"]', "tokens = []"), "node.tokens"),
    ],
)
def test_a_wrong_setting_is_named(home: Path, wrong: str, named: str) -> None:
    (home / "penstock.toml").write_text(wrong)

    with pytest.raises(SettingsInvalid) as caught:
        load_settings(home)

    assert named in str(caught.value)


def test_a_secret_of_the_wrong_form_is_not_shown(home: Path) -> None:
    (home / "penstock.toml").write_text(FILE + 'operator_token = ["hush"]')

    with pytest.raises(SettingsInvalid) as caught:
        load_settings(home)

    assert "hush" not in str(caught.value)


def test_without_a_node_s_section_there_is_no_node(home: Path) -> None:
    (home / "penstock.toml").write_text(FILE.partition("[node]")[0])

    with pytest.raises(SettingsInvalid, match=r"\[node\] is missing"):
        load_settings(home).require_node()


def test_a_password_is_the_first_line_of_its_file(home: Path) -> None:
    settings = load_settings(home)
    (home / "password").write_text("open sesame\nmore\n")

    assert settings.keystore_password(Path("password")) == "open sesame"


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe"])
def test_a_password_file_that_cannot_be_used_is_named(home: Path, content: bytes | None) -> None:
    if content is not None:
        (home / "password").write_bytes(content)

    with pytest.raises(PasswordFileUnusable, match="password"):
        load_settings(home).keystore_password(Path("password"))


def test_no_password_at_all_is_named(home: Path) -> None:
    with pytest.raises(PasswordFileUnusable, match="PENSTOCK_PASSWORD"):
        load_settings(home).keystore_password(None)


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs/settings.md").read_text()

    for section in ("chain", "node", "watcher", "client", "log"):
        shape = Settings.model_fields[section].annotation
        assert_documented(text, section, *(kind for kind in (shape, *get_args(shape)) if is_section(kind)))


def assert_documented(text: str, section: str, kind: type[BaseModel]) -> None:
    """Look for each setting in its section's table, and for the tables of the sections within."""
    table = text.partition(f"# `[{section}]`")[2].partition("\n#")[0]
    missing = []
    for name, field in kind.model_fields.items():
        if is_section(field.annotation):
            assert_documented(text, f"{section}.{name}", field.annotation)
        elif f"`{name}`" not in table:
            missing.append(name)
    assert not missing, f"[{section}] {missing}"


def is_section(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)

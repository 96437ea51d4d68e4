"""The home of a local chain: made once, used by one, never somebody else's directory."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from penstock.cli.errors import HomeForeign, HomeInUse
from penstock.cli.home import ROLES, LocalHome


def test_keys_and_password_are_made_once(tmp_path: Path) -> None:
    home = LocalHome(tmp_path / "home")
    with home.in_use():
        home.make_keys()
        before = {role: home.account(role).address for role in ROLES}

        home.make_keys()

    assert {role: home.account(role).address for role in ROLES} == before
    assert len(set(before.values())) == len(ROLES)
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600


def test_one_process_uses_a_home_at_a_time(tmp_path: Path) -> None:
    home = LocalHome(tmp_path / "home")

    with home.in_use(), pytest.raises(HomeInUse, match=r"process \d+ is running"), home.in_use():
        pass
    with home.in_use():
        pass


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(HomeForeign), LocalHome(tmp_path).in_use():
        pass

    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_emptied_home_has_new_keys(tmp_path: Path) -> None:
    home = LocalHome(tmp_path / "home")
    with home.in_use():
        home.make_keys()
        before = home.account("payer").address

        home.empty()
        home.make_keys()

        with pytest.raises(HomeInUse), home.in_use():
            pass
    assert home.account("payer").address != before

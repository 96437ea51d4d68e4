"""``penstock up``: one command starts everything, one Ctrl-C ends everything."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from penstock.cli import exits
from tests.e2e.penstock import Up, alive, penstock, running_up

pytestmark = pytest.mark.timeout(180)


def test_ctrl_c_ends_everything_and_a_second_run_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_up(home) as up:
        children = up.children()
        assert len(children) == 3
        channel = up.run("channel", "open", "5").data["channelId"]
        up.run("channel", "pay", channel, "0.25").data  # noqa: B018 (checks the exit status)

        assert up.end(signal.SIGINT) == exits.DONE

        said = [line["line"] for line in up.lines if line["process"] == "up"]
        assert sorted(said[-4:-2]) == ["ending node", "ending watcher"]
        assert said[-2:] == ["ending chain", "everything has ended"]
        assert not alive(children)

    with running_up(home) as up:
        shown = up.run("channel", "show", channel).data
        paid = up.run("channel", "pay", channel, "0.25").data
        held = up.run("channel", "list", "--operator").data
        up.end()

    assert [(each["channelId"], each["newest"]["state"]["paid"]) for each in held] == [(channel, "500000")]
    assert (shown["paid"], shown["phase"]) == ("250000", "open")
    assert paid["paid"] == "500000"

    (home / "anvil.json").unlink()
    lost = penstock("up", "--home", str(home), "--json", *up.port_options)
    assert (lost.status, lost.error["code"]) == (exits.USAGE, "chain-lost")


def test_a_process_that_dies_ends_the_rest_with_status_1(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        children = up.children()
        watcher = next(child for child in children if "watch" in child.cmdline())

        watcher.kill()

        assert up.wait() == exits.FAILED
        assert up.lines[-1]["error"]["values"] == {"name": "watcher", "outcome": "signal SIGKILL"}
        assert not alive(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent's death")
def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        children = up.children()

        os.kill(up.process.pid, signal.SIGKILL)
        up.wait()

        assert not alive(children)


def test_a_home_serves_one_run_at_a_time(up: Up) -> None:
    second = penstock("up", "--home", str(up.home), "--json")

    assert (second.status, second.error["code"]) == (exits.USAGE, "home-in-use")
    assert second.error["values"]["pid"] == str(up.process.pid)


def test_a_busy_port_is_named_with_its_option(up: Up, tmp_path: Path) -> None:
    busy = penstock("up", "--home", str(tmp_path / "other"), "--chain-port", str(up.ports[1]), "--json")

    assert (busy.status, busy.error["code"]) == (exits.USAGE, "port-busy")
    assert busy.error["values"]["option"] == "--chain-port"


def test_secrets_are_in_no_log_and_no_argument(up: Up) -> None:
    up.run("channel", "open", "5").data  # noqa: B018 (checks the exit status)

    arguments = [word for child in up.children() for word in child.cmdline()]
    secrets = [(up.home / name).read_text().strip() for name in ("password", "operator-token")]
    said = "\n".join([*arguments, *(line["line"] for line in up.lines)])
    assert not [secret for secret in secrets if secret in said]
    # Hashes and ids carry 0x; bare hex of that length could only be a key.
    assert not re.findall(r"(?<!0x)\b[0-9a-f]{64}\b", said)

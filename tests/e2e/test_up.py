"""``penstock up``: one command starts everything, one Ctrl-C ends everything."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from penstock.cli import exits
from tests.e2e.penstock import alive, penstock, running_up

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with running_up(tmp_path / "home") as up:
        children = up.children()
        assert len(children) == 3

        assert up.end(number) == exits.DONE

        said = [line["line"] for line in up.lines if line["process"] == "up"]
        assert said[-4:] == ["ending node", "ending watcher", "ending chain", "everything has ended"]
        assert not alive(children)


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_up(home) as up:
        opened = up.run("channel", "open", "5").data
        up.run("channel", "pay", opened["channelId"], "0.25").data  # noqa: B018 (checks the exit status)
        up.end()

    with running_up(home) as up:
        shown = up.run("channel", "show", opened["channelId"]).data
        paid = up.run("channel", "pay", opened["channelId"], "0.25").data

    assert (shown["paid"], shown["phase"]) == ("250000", "open")
    assert paid["paid"] == "500000"


def test_a_process_that_dies_ends_the_rest_with_status_1(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        children = up.children()
        watcher = next(child for child in children if "watch" in child.cmdline())

        watcher.kill()
        # The error itself goes to standard error and is JSON too.
        assert up.wait() == exits.FAILED

        assert up.lines[-1]["error"]["values"] == {"name": "watcher", "outcome": "signal SIGKILL"}
        assert not alive(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent's death")
def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        children = up.children()

        os.kill(up.process.pid, signal.SIGKILL)
        up.process.wait(10)

        assert not alive(children)


def test_a_home_serves_one_run_at_a_time_and_a_busy_port_is_named(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        second = penstock("up", "--home", str(up.home), "--json")
        assert second.status == exits.USAGE
        assert second.error["code"] == "home-in-use"
        assert second.error["values"]["pid"] == str(up.process.pid)

        busy = penstock("up", "--home", str(tmp_path / "other"), "--chain-port", str(up.ports[1]), "--json")
        assert busy.status == exits.USAGE
        assert busy.error["code"] == "port-busy"
        assert busy.error["values"]["option"] == "--chain-port"
        assert psutil.pid_exists(up.process.pid)


def test_secrets_are_in_no_log_and_no_argument(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        up.run("channel", "open", "5").data  # noqa: B018 (checks the exit status)
        arguments = [word for child in up.children() for word in child.cmdline()]
        secrets = [(up.home / name).read_text().strip() for name in ("password", "operator-token")]
        up.end()

    said = "\n".join([*arguments, *(line["line"] for line in up.lines)])
    assert not [secret for secret in secrets if secret in said]
    # Neither is anything that has the form of a private key: transaction hashes and ids are all that is long.
    known = re.findall(r"(?<!0x)\b[0-9a-f]{64}\b", said)
    assert not known

"""The command line as a user runs it: real processes, their output and exit statuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from penstock.cli.main import run
from penstock.cli.ports import free_ports

COMMAND = (sys.executable, "-m", "penstock.cli")
START_SECONDS = 60
END_SECONDS = 30
READY = "Ctrl-C ends everything"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The result of a command with ``--json``."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error of a command with ``--json``."""
        assert self.status != 0, self.out
        assert "Traceback" not in self.err
        return json.loads(self.err.splitlines()[-1])["error"]


def clean_environment() -> dict[str, str]:
    """Return the environment without settings of the user's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}


def penstock(*arguments: str, timeout: float = 60, text: str = "", **variables: str) -> Done:
    """Run a command to its end; ``variables`` are set in its environment."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean_environment() | variables,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def penstock_here(*arguments: str) -> Done:
    """Run a command to its end inside this process: it need not load all its modules each time."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(arguments)
    return Done(status, out.getvalue(), err.getvalue())


@dataclass
class Up:
    """A running ``penstock up``; what it says goes to a file, which never fills up as a pipe does."""

    process: subprocess.Popen[str]
    home: Path
    ports: list[int]
    log: Path

    @property
    def port_options(self) -> list[str]:
        """The options that give it its ports."""
        return port_options(self.ports)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All that it has said."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def run(self, *arguments: str) -> Done:
        """Run a command on its home, in JSON, inside this process."""
        return penstock_here(*arguments, "--home", str(self.home), "--json")

    def take_gas(self, account: str) -> None:
        """Leave an account without ETH."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [account, "0x0"]}
        assert "error" not in httpx.post(f"http://127.0.0.1:{self.ports[0]}", json=body).json()

    def children(self) -> list[psutil.Process]:
        """Return the chain, the node and the watcher."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        return self.process.wait(END_SECONDS)


def port_options(ports: list[int]) -> list[str]:
    """Return the options of ``up`` that name these ports."""
    named = zip(("--chain-port", "--node-port", "--watcher-port"), map(str, ports), strict=True)
    return [word for pair in named for word in pair]


@contextmanager
def running_up(home: Path, *options: str) -> Iterator[Up]:
    """Run ``penstock up`` until the block ends."""
    ports = free_ports(3)
    log = home.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "up", "--home", str(home), "--json", *port_options(ports), *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(),
        )
    up = Up(process, home, ports, log)
    try:
        give_up = time.monotonic() + START_SECONDS
        while {"process": "up", "line": READY} not in up.lines:
            assert process.poll() is None, f"it ended before everything ran: {up.lines}"
            assert time.monotonic() < give_up, f"it does not start: {up.lines}"
            time.sleep(0.1)
        yield up
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run after a moment to end in; one that nobody has reaped yet runs no more."""
    _, left = psutil.wait_procs(processes, timeout=10)
    return [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

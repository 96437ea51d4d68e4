"""The command line as a user runs it: real processes, their output and exit statuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
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
        assert not self.out
        assert "Traceback" not in self.err
        return json.loads(self.err.splitlines()[-1])["error"]


def penstock(*arguments: str, timeout: float = 60, text: str = "", **variables: str) -> Done:
    """Run a command to its end; ``variables`` are set in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")} | variables
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass
class Up:
    """A running ``penstock up``."""

    process: subprocess.Popen[str]
    home: Path
    ports: list[int]
    lines: list[dict[str, Any]]

    def run(self, *arguments: str) -> Done:
        """Run a command on its home, in JSON, inside this process: it need not load all its modules each time."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run([*arguments, "--home", str(self.home), "--json"])
        return Done(status, out.getvalue(), err.getvalue())

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
        """Return its exit status once it has ended, with everything it still said in ``lines``."""
        out, _ = self.process.communicate(timeout=END_SECONDS)
        self.lines += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode


@contextmanager
def running_up(home: Path, *options: str) -> Iterator[Up]:
    """Run ``penstock up`` until the block ends."""
    ports = free_ports(3)
    named = zip(("--chain-port", "--node-port", "--watcher-port"), map(str, ports), strict=True)
    arguments = [word for pair in named for word in pair]
    process = subprocess.Popen(
        [*COMMAND, "up", "--home", str(home), "--json", *arguments, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    up = Up(process, home, ports, [])
    try:
        assert process.stdout is not None
        for line in process.stdout:
            up.lines.append(json.loads(line))
            if up.lines[-1] == {"process": "up", "line": "Ctrl-C ends everything"}:
                break
        else:
            raise AssertionError(f"it ended before everything ran: {up.lines}")
        yield up
    finally:
        if process.poll() is None:
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run after a moment to end in; one that nobody has reaped yet runs no more."""
    _, left = psutil.wait_procs(processes, timeout=10)
    return [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

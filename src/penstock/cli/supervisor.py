"""Run several programs as one: their lines merged, their deaths noticed, all of them ended in order.

Children live in process groups of their own, so that Ctrl-C in the terminal reaches the supervisor alone and it
decides the order; a supervisor that is killed takes them along (`leash`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from penstock.cli.errors import NotReady, ProcessDied

STOP_GRACE_SECONDS = 10
"""How long a child may take to end after SIGTERM before it gets SIGKILL."""

_LINE_BYTES_MAX = 16_384
_DRAIN_SECONDS = 1
_PROBE_SECONDS = 0.1
_PROGRESS_SECONDS = 3
_LEASH = str(Path(__file__).with_name("leash.py"))

T = TypeVar("T")
Sink = Callable[[str, str], None]
"""Takes one line: who says it, and what."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how to tell that it serves.

    Attributes
    ----------
    argv
        The program and its arguments; never a secret, since any user of the machine can read them.
    url
        Where it serves, for people.
    probe
        Tells whether it serves yet; asked again until it does.
    environment
        All of its variables.
    """

    name: str
    argv: tuple[str, ...]
    url: str
    probe: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(slots=True)
class _Child:
    process: asyncio.subprocess.Process
    output: asyncio.Task[None]
    watch: asyncio.Task[None]
    stopping: bool = False


class Supervisor:
    """A set of running programs; made by `supervised`, which ends them all."""

    def __init__(self, sink: Sink, name: str) -> None:
        """Say lines through ``sink``, the supervisor's own under ``name``."""
        self._sink = sink
        self._name = name
        self._children: dict[str, _Child] = {}
        self._death: asyncio.Future[ProcessDied] = asyncio.get_running_loop().create_future()

    async def start(self, program: Program, wait_seconds: int) -> None:
        """Run ``program`` and return once it serves.

        Raises
        ------
        ProcessDied
            It, or another one, ended by itself.
        NotReady
            It did not serve within ``wait_seconds``.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _LEASH, str(os.getpid()), *program.argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**program.environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        output = asyncio.create_task(self._relay(program.name, process))
        watch = asyncio.create_task(self._watch(program.name, process))
        self._children[program.name] = _Child(process, output, watch)
        await self.guard(self._until_ready(program, wait_seconds))

    async def guard(self, work: Awaitable[T]) -> T:
        """Await ``work`` as long as every program lives.

        Raises
        ------
        ProcessDied
            One of them ended by itself; ``work`` is cancelled.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._death), return_when=asyncio.FIRST_COMPLETED)
            if self._death.done():
                raise self._death.result()
            return await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def forever(self) -> None:
        """Return never; raises `ProcessDied` when a program ends by itself."""
        await self.guard(asyncio.Event().wait())

    async def kill(self, name: str) -> None:
        """End a program with SIGKILL, as a crash would; it may be started again."""
        child = self._children.pop(name)
        child.stopping = True
        _signal(child.process, signal.SIGKILL)
        await self._gone(child)

    async def stop(self) -> None:
        """End every program, the last started first: SIGTERM, and SIGKILL after `STOP_GRACE_SECONDS`."""
        for child in self._children.values():
            child.stopping = True
        for name, child in reversed(self._children.items()):
            if child.process.returncode is None:
                self._say(f"ending {name}")
            _signal(child.process, signal.SIGTERM)
            try:
                await asyncio.wait_for(child.process.wait(), STOP_GRACE_SECONDS)
            except TimeoutError:
                self._say(f"{name} did not end within {STOP_GRACE_SECONDS} seconds: killing it")
                _signal(child.process, signal.SIGKILL)
            await self._gone(child)
        self._children.clear()
        self._death.cancel()

    def kill_all(self) -> None:
        """Send SIGKILL to every program, without waiting: for someone who asks a second time."""
        for child in self._children.values():
            child.stopping = True
            _signal(child.process, signal.SIGKILL)

    def _say(self, line: str) -> None:
        self._sink(self._name, line)

    async def _gone(self, child: _Child) -> None:
        await child.process.wait()
        # A grandchild may hold the pipe open: do not wait for its end.
        await asyncio.wait((child.output, child.watch), timeout=_DRAIN_SECONDS)
        child.output.cancel()

    async def _relay(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        pending = b""
        while chunk := await process.stdout.read(_LINE_BYTES_MAX):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > _LINE_BYTES_MAX:
                lines, pending = [*lines, pending], b""
            for line in lines:
                self._sink(name, line.decode(errors="replace").rstrip())
        if pending:
            self._sink(name, pending.decode(errors="replace").rstrip())

    async def _watch(self, name: str, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        child = self._children.get(name)
        if child is None or child.process is not process or child.stopping:
            return
        # Its last words come before the news of its death.
        await asyncio.wait((child.output,), timeout=_DRAIN_SECONDS)
        if not self._death.done():
            self._death.set_result(ProcessDied(name, _outcome(status)))

    async def _until_ready(self, program: Program, wait_seconds: int) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        next_word = begun + _PROGRESS_SECONDS
        while not await program.probe():
            waited = clock() - begun
            if waited > wait_seconds:
                raise NotReady(program.name, program.url, wait_seconds)
            if clock() >= next_word:
                self._say(f"waiting for {program.name} at {program.url} ({int(waited)} s)")
                next_word += _PROGRESS_SECONDS
            await asyncio.sleep(_PROBE_SECONDS)
        self._say(f"{program.name} is ready at {program.url}")


@asynccontextmanager
async def supervised(sink: Sink, name: str) -> AsyncIterator[Supervisor]:
    """Give a supervisor; whatever ends the block ends its programs.

    SIGINT, SIGTERM and SIGHUP cancel the block, so it ends with `asyncio.CancelledError`; a second one while the
    programs are ending kills them at once.
    """
    supervisor = Supervisor(sink, name)
    block = asyncio.current_task()
    assert block is not None
    asked: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        asked.append(number)
        if len(asked) == 1:
            block.cancel()
        else:
            supervisor.kill_all()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield supervisor
    finally:
        # From here on a first signal hurries as a second one does: the ending is under way already.
        asked.append(signal.SIGTERM)
        await supervisor.stop()
        for number in numbers:
            loop.remove_signal_handler(number)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


def _outcome(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"

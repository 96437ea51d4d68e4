"""The supervisor: lines merged, deaths noticed, everything ended in order, no orphans."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from penstock.cli.errors import NotReady, ProcessDied
from penstock.cli.supervisor import Program, Supervisor, supervised

FOREVER = "import signal; print('serving', flush=True); signal.pause()"


class Lines:
    """Everything that was said, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.said.append((name, line))

    def has(self, name: str, line: str) -> bool:
        return (name, line) in self.said

    def waiter(self, name: str, line: str) -> Callable[[], Awaitable[bool]]:
        async def probe() -> bool:
            return self.has(name, line)

        return probe


def child_ids() -> list[int]:
    return [child.pid for child in psutil.Process().children()]


def program(lines: Lines, name: str, script: str = FOREVER) -> Program:
    argv = (sys.executable, "-c", script)
    return Program(name, argv, f"test://{name}", lines.waiter(name, "serving"))


def run(body: Callable[[Supervisor, Lines], Awaitable[None]]) -> Lines:
    lines = Lines()

    async def main() -> None:
        async with supervised(lines, "up") as supervisor:
            await body(supervisor, lines)

    asyncio.run(main())
    return lines


def test_a_started_program_serves_and_its_lines_are_relayed() -> None:
    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "node"), 10)

    lines = run(body)

    assert lines.has("node", "serving")
    assert lines.has("up", "node is ready at test://node")


def test_programs_end_in_reverse_order_and_none_is_left() -> None:
    started: list[int] = []

    async def body(supervisor: Supervisor, lines: Lines) -> None:
        for name in ("chain", "node", "watcher"):
            await supervisor.start(program(lines, name), 10)
        started.extend(child_ids())
        assert len(started) == 3

    lines = run(body)

    endings = [line for name, line in lines.said if name == "up" and line.startswith("ending")]
    assert endings == ["ending watcher", "ending node", "ending chain"]
    assert not any(psutil.pid_exists(pid) for pid in started)


def test_a_program_that_ends_by_itself_is_reported_after_its_last_words() -> None:
    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "chain"), 10)
        script = "print('serving', flush=True); print('out of fuel', flush=True); raise SystemExit(3)"
        await supervisor.start(program(lines, "node", script), 10)
        await supervisor.forever()

    lines = Lines()

    async def main() -> None:
        async with supervised(lines, "up") as supervisor:
            with pytest.raises(ProcessDied, match=r"node ended by itself \(exit status 3\)"):
                await body(supervisor, lines)
            assert lines.has("node", "out of fuel")

    asyncio.run(main())
    assert lines.has("up", "ending chain")


def test_a_program_that_dies_before_it_serves_ends_the_wait_at_once() -> None:
    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "node", "raise SystemExit(1)"), 60)

    with pytest.raises(ProcessDied, match="exit status 1"):
        run(body)


def test_a_program_that_never_serves_is_given_up() -> None:
    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "node", "import signal; signal.pause()"), 0)

    with pytest.raises(NotReady, match="within 0 seconds"):
        run(body)


def test_a_killed_program_is_no_accident_and_starts_again() -> None:
    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "node"), 10)
        (first,) = child_ids()

        await supervisor.kill("node")
        await supervisor.start(program(lines, "node"), 10)

        assert not psutil.pid_exists(first)
        assert len(child_ids()) == 1

    run(body)


def test_a_line_without_end_is_relayed_in_pieces() -> None:
    script = "import sys, signal; sys.stdout.write('x' * 100_000 + '\\nserving\\n'); sys.stdout.flush(); signal.pause()"

    async def body(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.start(program(lines, "node", script), 10)

    lines = run(body)

    assert sum(line.count("x") for name, line in lines.said if name == "node") == 100_000


SUPERVISING = textwrap.dedent("""
    import asyncio, psutil, sys
    from penstock.cli import supervisor as module
    from penstock.cli.supervisor import Program, supervised

    # Longer than any test may take: who waits for a program that refuses to end is noticed.
    module.STOP_GRACE_SECONDS = 3600

    async def ready():
        return True

    async def main():
        async with supervised(lambda name, line: print(name, line, flush=True), "up") as supervisor:
            for name in ("chain", "node"):
                argv = (sys.executable, "-c", sys.argv[1])
                await supervisor.start(Program(name, argv, "test://", ready), 10)
            print("pids", *(child.pid for child in psutil.Process().children()), flush=True)
            await supervisor.forever()

    asyncio.run(main())
""")


def supervising(tmp_path: Path, child: str) -> tuple[subprocess.Popen[str], list[int]]:
    script = tmp_path / "supervising.py"
    script.write_text(SUPERVISING)
    process = subprocess.Popen([sys.executable, str(script), child], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pids"):
            return process, [int(word) for word in line.split()[1:]]
    raise AssertionError("the supervisor ended before its programs ran")


def wait_until_gone(pids: list[int]) -> None:
    """Return once none of them runs; the test's time limit is the judge of never."""
    while any(runs(pid) for pid in pids):
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    process, children = supervising(tmp_path, "import signal; signal.pause()")

    os.kill(process.pid, number)
    process.communicate()

    assert not any(runs(pid) for pid in children)


def test_a_second_signal_does_not_wait_for_a_program_that_refuses_to_end(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    stubborn = "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    stubborn += f"pathlib.Path({str(ready)!r}, str(os.getpid())).touch()\n"
    process, children = supervising(tmp_path, stubborn + "while True: time.sleep(60)")
    assert process.stdout is not None
    while {int(path.name) for path in ready.iterdir()} < set(children):
        time.sleep(0.02)

    os.kill(process.pid, signal.SIGINT)
    while "ending" not in process.stdout.readline():
        pass
    os.kill(process.pid, signal.SIGINT)
    process.communicate()

    wait_until_gone(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent's death")
def test_a_killed_supervisor_leaves_no_orphans(tmp_path: Path) -> None:
    process, children = supervising(tmp_path, "import signal; signal.pause()")

    process.kill()
    process.communicate()

    wait_until_gone(children)

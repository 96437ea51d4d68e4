"""How the demo tells its story: acts, sentences and bars in a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.text import Text

from penstock.cli.output import make_console

_PLAIN_STEPS = 4


class _Rate(ProgressColumn):
    """Steps a second over the whole task, not the last moments alone."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / max(task.elapsed or 0, 0.001):,.0f}/s", style="cyan")


class Stage:
    """Tell what happens; say nothing when ``silent``."""

    def __init__(self, *, silent: bool) -> None:
        self._console = make_console(sys.stdout)
        self._console.quiet = silent

    def act(self, number: int, title: str) -> None:
        """Begin an act."""
        self._console.print()
        self._console.print(Rule(Text(f"Act {number} · {title}", style="bold cyan"), align="left"))

    def title(self, text: str) -> None:
        """Begin what comes before or after the acts."""
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left"))

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self._console.print(f"  {text}")

    def good(self, text: str) -> None:
        """Tell that something is as it must be."""
        self._console.print(Text.assemble("  ", ("✓ ", "bold green"), text))

    def bad(self, text: str) -> None:
        """Tell that something is not as it must be."""
        self._console.print(Text.assemble("  ", ("✗ ", "bold red"), text))

    def show(self, what: RenderableType) -> None:
        """Show a table."""
        self._console.print(what)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that time passes."""
        if not self._console.is_terminal:
            self.say(f"{text} …")
            yield
            return
        with self._console.status(f"{text} …"):
            yield

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show progress and rate; the function it gives counts one step, the end tells the whole rate."""
        begun = monotonic()
        with self._bar(what, total) if self._console.is_terminal else self._lines(what, total) as step:
            yield step
        seconds = max(monotonic() - begun, 0.001)
        self.good(f"{total:,} {what} in {seconds:.1f} s: {total / seconds:,.0f} a second")

    @contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(40),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)

    @contextmanager
    def _lines(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if done % max(total // _PLAIN_STEPS, 1) == 0:
                self.say(f"{done:,} of {total:,} {what}")

        yield step

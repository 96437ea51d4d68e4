"""The entry point: parse, run, and turn whatever happens into one sentence and an exit status."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from penstock import __version__
from penstock.bootstrap import configure_logs
from penstock.cli import exits
from penstock.cli import keys as keys_commands
from penstock.cli.channel import app as channel_app
from penstock.cli.demo import demo
from penstock.cli.deploy import deploy
from penstock.cli.errors import CommandMalformed
from penstock.cli.faucet import faucet
from penstock.cli.output import Output, report
from penstock.cli.payee import collect, refund
from penstock.cli.services import node, status, watch
from penstock.cli.tx import app as tx_app
from penstock.cli.up import up
from penstock.config import LogSettings


def _print_version(wanted: bool) -> None:
    if wanted:
        Output(as_json=False).result(__version__, __version__)
        raise typer.Exit


app = typer.Typer(
    name="penstock",
    epilog=(
        "Exit status: 0 done, 1 failed, 2 wrong input, 3 refused, 4 not reachable, 130 interrupted. "
        "Start with `penstock demo`, or `penstock up` and `penstock channel open 10` beside it."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def penstock(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Payment channels in USDC for agents: pay thousands of times off chain, settle once on chain."""


app.command()(up)
app.command()(demo)
app.command()(deploy)
app.command()(node)
app.command()(watch)
app.command()(status)
app.command()(faucet)
channel_app.command()(refund)
channel_app.command()(collect)
app.add_typer(channel_app)
app.add_typer(keys_commands.app)
app.add_typer(tx_app)

# Typer exports this one subclass of the class that all its usage errors have, not the class itself.
_USAGE_ERROR: Any = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str]) -> int:
    """Carry out one command and return its exit status; every fault is reported, none escapes."""
    as_json = "--json" in arguments
    # What the client logs below warnings is told by the commands themselves; node and watcher set their own level.
    configure_logs(LogSettings(format="json" if as_json else "console", level="warning"))
    try:
        status = app(list(arguments), standalone_mode=False, prog_name="penstock")
    except _USAGE_ERROR as error:
        # Without a reason it is a command without arguments, which has printed its help.
        if reason := error.format_message().rstrip("."):
            report(CommandMalformed(reason, _help_of(error)), as_json=as_json)
        return exits.USAGE
    except (typer.Abort, KeyboardInterrupt, asyncio.CancelledError):
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the outermost edge: no trace reaches a person)
        report(error, as_json=as_json)
        return exits.status_of(error)
    return status if isinstance(status, int) else exits.DONE


def _help_of(error: Any) -> str:
    path = error.ctx.command_path if getattr(error, "ctx", None) else "penstock"
    return f"{path} --help"


def main() -> None:
    """Run the command line's arguments and end the process with the exit status."""
    sys.exit(run(sys.argv[1:]))

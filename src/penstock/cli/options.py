"""The options that many commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_HOME = Path(".penstock")

Home = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="PENSTOCK_HOME",
        help="Directory with penstock.toml, keys and databases.",
        file_okay=False,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print JSON: the result on standard output, an error on standard error."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="File whose first line opens the key; else PENSTOCK_PASSWORD, the configured file, or a prompt.",
        dir_okay=False,
    ),
]
ChannelId = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="The channel's id, or its beginning.", show_default=False)
]
Amount = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="In whole tokens, as 2.50 for two and a half.", show_default=False)
]

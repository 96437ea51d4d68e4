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

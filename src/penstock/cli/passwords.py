"""Where a keystore's password comes from: a file, the environment or a person; never the command line."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from penstock.cli.errors import PasswordFileUnreadable, PasswordMismatch, PasswordMissing

VARIABLE = "PENSTOCK_PASSWORD"


def read_password(keystore: Path, password_file: Path | None, *, twice: bool = False) -> str:
    """Return the password of ``keystore``: the file's, else the environment's, else what a person types.

    Parameters
    ----------
    twice
        Ask a person a second time, for a password that is set rather than used.

    Raises
    ------
    PasswordFileUnreadable
        The file cannot be read or its first line is empty.
    PasswordMissing
        There is neither a file nor a variable nor a terminal.
    PasswordMismatch
        The person typed two different ones.
    """
    if password_file is not None:
        return _from_file(password_file)
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not sys.stdin.isatty():
        raise PasswordMissing(str(keystore))
    password = getpass(f"Password for {keystore}: ")
    if twice and getpass("The same again: ") != password:
        raise PasswordMismatch(str(keystore))
    return password


def _from_file(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise PasswordFileUnreadable(str(path), str(reason)) from None
    if not lines or not lines[0]:
        raise PasswordFileUnreadable(str(path), "its first line is empty")
    return lines[0]

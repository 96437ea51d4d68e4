"""``penstock node``, ``penstock watch`` and ``penstock status``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import typer
from pydantic import SecretStr

from penstock.api.server import run_node
from penstock.cli import exits
from penstock.cli.options import DEFAULT_HOME, AsJson, Home, PasswordFile
from penstock.cli.output import Output, facts
from penstock.cli.purse import password_of, settings_of
from penstock.config import Settings
from penstock.watcher.process import run_watcher

_TIMEOUT_SECONDS = 5


def node(*, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Run the node: it co-signs payments, collects vouchers and brings evidence to its watchers.

    Settings come from HOME/penstock.toml, section [node]. With --json the log is JSON.
    """
    settings = settings_of(home)
    section = settings.require_node()
    run_node(_ready(settings, section.keystore, section.password_file, password_file, as_json=as_json))


def watch(*, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Run a watcher: it answers stale closes with the newest state it was given, and settles.

    Its key only pays for gas and signs receipts. Settings come from HOME/penstock.toml, section [watcher]. With
    --json the log is JSON.
    """
    settings = settings_of(home)
    section = settings.watcher
    run_watcher(_ready(settings, section.keystore, section.password_file, password_file, as_json=as_json))


def status(*, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Ask the node and the watcher that HOME names whether they are well; exit status 4 if one is not."""
    settings = settings_of(home)
    watcher_url = f"http://{settings.watcher.host}:{settings.watcher.port}"
    data = asyncio.run(_ask_all({"node": settings.client.node_url, "watcher": watcher_url}))
    shown = [facts(_flat(answer), title=name) for name, answer in data.items()]
    Output(as_json=as_json).result(data, *shown)
    if any(answer["status"] != "ok" for answer in data.values()):
        raise typer.Exit(exits.UNREACHABLE)


def _ready(
    settings: Settings, keystore: Path, configured: Path | None, named: Path | None, *, as_json: bool
) -> Settings:
    """Return the settings with the key's password in them, asked for if need be."""
    password = password_of(settings, settings.path(keystore), configured, named)
    log = settings.log.model_copy(update={"format": "json"}) if as_json else settings.log
    return settings.model_copy(update={"password": SecretStr(password), "log": log})


async def _ask_all(urls: dict[str, str]) -> dict[str, dict[str, Any]]:
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as http:
        return {name: await _ask(http, url) for name, url in urls.items()}


async def _ask(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        answer = (await http.get(f"{url}/v1/health")).json()
    except (httpx.HTTPError, ValueError) as error:
        return {"url": url, "status": "unreachable", "why": str(error) or type(error).__name__}
    return {"url": url, **answer}


def _flat(answer: dict[str, Any], prefix: str = "") -> dict[str, object]:
    rows: dict[str, object] = {}
    for name, value in answer.items():
        if isinstance(value, dict):
            rows.update(_flat(value, f"{prefix}{name}."))
        else:
            rows[prefix + name] = value
    return rows

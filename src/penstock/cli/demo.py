"""``penstock demo``: money moves, somebody cheats, processes crash, and nobody loses a unit."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from penstock.cli.demo_acts import Acts
from penstock.cli.demo_audit import Audit, Holding, supply_of
from penstock.cli.demo_stage import Stage
from penstock.cli.demo_world import World, world
from penstock.cli.errors import UnitsMissing
from penstock.cli.home import LocalHome
from penstock.cli.options import AsJson
from penstock.cli.output import Json, Output

_TAIL_LINES = 15


def demo(
    *,
    seed: Annotated[
        int | None, typer.Option(help="Repeat the random moment of the crash of an earlier run.", show_default=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory with databases and logs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch payment channels work, in five acts and less than 90 seconds.

    Real processes on ports of their own, in a temporary directory: a chain (Anvil), a node, a watcher, and the
    payer's client. Exit status 1 if a single unit is missing at the end.
    """
    chosen = random.SystemRandom().randrange(2**32) if seed is None else seed
    stage = Stage(silent=as_json)
    path = Path(tempfile.mkdtemp(prefix="penstock-demo-"))
    home = LocalHome(path)
    try:
        with home.in_use():
            home.make_keys()
            data = asyncio.run(_play(home, stage, chosen))
    except Exception:
        _show_logs(path, stage)
        raise
    finally:
        if keep:
            stage.say(f"everything is kept in {path}")
        else:
            shutil.rmtree(path, ignore_errors=True)
    Output(as_json=as_json).result(data)


async def _play(home: LocalHome, stage: Stage, seed: int) -> dict[str, Json]:
    begun = monotonic()
    stage.title(f"Penstock: five acts on a chain of their own (seed {seed})")
    async with world(home, stage, "demo") as everything:
        stage.good("a chain, the contracts, a node and a watcher run as processes of their own")
        before = await everything.money()
        acts = Acts(everything, stage, random.Random(seed))  # noqa: S311 (a moment to crash at, no secret)
        await acts.play()
        audit = await _audit(everything, before, acts.paid)
    seconds = monotonic() - begun
    _conclude(audit, stage, seconds)
    return {"seed": seed, "seconds": round(seconds), **audit.data()}


async def _audit(everything: World, before: dict[str, int], paid: int) -> Audit:
    after = await everything.money()
    moved = {"payer": -paid, "agent": paid, "contract": 0}
    home, deployment = everything.home, everything.deployment
    roles = {home.address(role): role for role in ("deployer", "watcher", "payer")}
    return Audit(
        holdings=[Holding(who, before[who], after[who], before[who] + moved[who]) for who in before],
        supply=await supply_of(everything.rpc, deployment.token),
        transactions=await everything.anvil.transactions(),
        names={**roles, everything.agent: "agent's node"},
    )


def _conclude(audit: Audit, stage: Stage, seconds: float) -> None:
    stage.title("The accounts")
    stage.show(audit.shown())
    try:
        audit.check()
    except UnitsMissing:
        stage.bad("units are missing")
        raise
    stage.good(f"all {audit.supply:,} units are accounted for, and the contract holds none ({seconds:.0f} s)")


def _show_logs(path: Path, stage: Stage) -> None:
    for log in sorted((path / "logs").glob("*.log")):
        stage.title(f"the last lines of {log.stem}")
        for line in log.read_text().splitlines()[-_TAIL_LINES:]:
            stage.say(line)

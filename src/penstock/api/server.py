"""Run the node as a process."""

from __future__ import annotations

import structlog
import uvloop

from penstock.api.app import create_app
from penstock.bootstrap import configure_logs, run_node_parts, serve
from penstock.config import Settings

log = structlog.get_logger("penstock")


def run_node(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    PenstockError
        The node cannot start; see `penstock.bootstrap.run_node_parts`.
    """
    configure_logs(settings.log)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with run_node_parts(settings) as running:
        section = running.settings
        context = running.node.context
        log.info(
            "node serves",
            url=f"http://{section.host}:{section.port}",
            payee=str(context.policy.payee),
            signer=str(context.signer.address),
            domain=str(context.domain),
        )
        await serve(create_app(running.node, running.operator_token, running.registry), section.host, section.port)
        log.info("node stops")

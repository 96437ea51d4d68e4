"""Relay a payer's deposit: check it against the chain first, since the node pays its gas."""

from __future__ import annotations

from penstock.node.errors import OpeningRefused
from penstock.node.handlers.channels import (
    RegisterChannel,
    Registered,
    check_opening,
    check_terms,
    is_relayed,
    register,
)
from penstock.node.node import Node
from penstock.node.outside import Opening
from penstock.protocol.signatures import SIGNATURE_SIZE, check_signer


async def open_channel(node: Node, command: RegisterChannel) -> Registered:
    """Register a channel, after checks that its deposit, if there is one to relay, would land.

    Raises
    ------
    RelayFault
        The node does not pay for this deposit.
    MalformedSignature, HighS, WrongSigner
        The payer, an ordinary account, did not sign the authorization.
    RpcFault
        The chain cannot be asked.
    PenstockError
        As `register`.
    """
    check_terms(node.context, command)
    if command.opening is not None and not await node.read(lambda uow, context: is_relayed(uow, context, command)):
        await _check_on_chain(node, command, command.opening)
    return await node.write(register, command)


async def _check_on_chain(node: Node, command: RegisterChannel, opening: Opening) -> None:
    check_opening(node.context, command, opening)
    payer = command.channel.payer
    channel_id = node.context.domain.channel_id(command.channel)
    # A wallet contract checks signatures its own way: the simulation asks it.
    if len(opening.signature) == SIGNATURE_SIZE and not await node.chain.has_code(payer):
        digest = await node.chain.authorization_digest(channel_id, command.channel, opening)
        check_signer(digest, opening.signature, payer)
    reason = await node.chain.simulate(node.context.calls.open_with(command.channel, opening))
    if reason is not None:
        raise OpeningRefused(reason)

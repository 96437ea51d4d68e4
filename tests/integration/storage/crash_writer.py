"""Record states until killed: `python crash_writer.py <url>` prints each sequence once it is durable."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace

from penstock.protocol.causes import Pay
from penstock.protocol.messages import SignedState
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import DOMAIN, make_channel, make_proposal

CHANNELS = 8


def channel_ids() -> list[Bytes32]:
    return [DOMAIN.channel_id(make_channel(salt=salt)) for salt in range(CHANNELS)]


def register(uow: UnitOfWork) -> None:
    for salt, channel_id in enumerate(channel_ids()):
        if uow.channels.get(channel_id) is None:
            uow.channels.add(channel_id, make_channel(salt=salt), 1)


def accept_next(uow: UnitOfWork, channel_id: Bytes32) -> int:
    position = uow.channels.get(channel_id)
    assert isinstance(position, Position)
    cause = Pay(Bytes32((position.highest_seen + 1).to_bytes(32, "big")), 1)
    proposal = make_proposal(position, cause)
    sequence = proposal.state.sequence
    signed = SignedState(proposal.state, proposal.signature, proposal.signature)
    uow.channels.save(replace(position, newest=signed, highest_seen=sequence))
    uow.states.add(proposal, proposal.signature, sequence)
    uow.causes.apply(channel_id, sequence, proposal.transfers)
    return sequence


async def pay_for_ever(database: Database, channel_id: Bytes32, number: int) -> None:
    while True:
        sequence = await database.run(lambda uow: accept_next(uow, channel_id))
        # One system call each: a line is there or it is not.
        os.write(1, f"{number} {sequence}\n".encode())


async def main(url: str) -> None:
    database = Database(url)
    await database.run(register)
    await asyncio.gather(*(pay_for_ever(database, channel_id, n) for n, channel_id in enumerate(channel_ids())))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

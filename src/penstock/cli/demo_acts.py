"""The five acts of the demo."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from penstock.cli.amounts import show_amount
from penstock.cli.demo_audit import DECIMALS
from penstock.cli.demo_stage import Stage
from penstock.cli.demo_world import SHORTEST_PERIOD_SECONDS, World
from penstock.client import AsyncChannel
from penstock.protocol.messages import SignedState

PAYMENTS = 1_000
VOUCHERS = 200
STALE_SEQUENCE = 10

_DEPOSIT_UNITS = 50_000_000
_PAYMENT_UNITS = 25_000
_VOUCHER_UNITS = 10_000
_SECOND_DEPOSIT_UNITS = 20_000_000
_SECOND_PAYMENTS = 100
_SECOND_PERIOD_SECONDS = 20
"""Time enough to kill node and watcher, and to start both again on a slow machine."""
_GAS_WEI = 10**18
_KILL_WITHIN_SECONDS = 0.5
"""From the close on; a watcher that lives takes about so long to see it and to answer."""


class Acts:
    """Play the acts in order and keep account of what the newest co-signed messages say.

    Attributes
    ----------
    paid
        What the agent was paid in all channels, by the newest state or voucher of each (smallest units).
    """

    def __init__(self, world: World, stage: Stage, chance: random.Random) -> None:
        self._world = world
        self._stage = stage
        self._chance = chance
        self._channel: AsyncChannel | None = None
        self._stale: SignedState | None = None
        self.paid = 0

    async def play(self) -> None:
        """Play all five, and show after each who holds what on the chain."""
        for act in (
            self.open_without_ether,
            self.pay_a_thousand_times,
            self.pay_by_vouchers,
            self.cheat,
            self.cheat_while_everything_crashes,
        ):
            await act()
            held = await self._world.money()
            self._stage.say("on the chain: " + ", ".join(f"{who} {_usdc(units)}" for who, units in held.items()))

    async def open_without_ether(self) -> None:
        """Act 1: the payer signs the token's authorization, the node pays the gas."""
        self._stage.act(1, "A payer without ETH opens a channel")
        self._stage.say(f"the payer holds {await self._ether()} ETH and {_usdc((await self._world.money())['payer'])}")
        with self._stage.waiting("it signs an EIP-3009 authorization, the agent's node sends it and pays the gas"):
            self._channel = await self._world.client.open_channel(
                _DEPOSIT_UNITS, challenge_period_seconds=SHORTEST_PERIOD_SECONDS
            )
        self._stage.good(f"channel {self._channel.id} is open with {_usdc(_DEPOSIT_UNITS)}")
        self._stage.good(f"the payer still holds {await self._ether()} ETH")

    async def pay_a_thousand_times(self) -> None:
        """Act 2: every payment is a state that both have signed and stored."""
        self._stage.act(2, f"{PAYMENTS:,} payments of {_usdc(_PAYMENT_UNITS)}, each co-signed, none on the chain")
        assert self._channel is not None
        self._stale = await self._pay(self._channel, PAYMENTS)
        self._stage.say(f"the payer quietly keeps state {STALE_SEQUENCE}, by which it has paid almost nothing")

    async def pay_by_vouchers(self) -> None:
        """Act 3: a one-way channel, spent to the last unit and collected in one transaction."""
        self._stage.act(3, f"A one-way channel: {VOUCHERS} vouchers, collected in one transaction")
        with self._stage.waiting("opening it"):
            channel = await self._world.client.open_channel(VOUCHERS * _VOUCHER_UNITS, one_way=True)
        with self._stage.counting("vouchers", VOUCHERS) as step:
            for _ in range(VOUCHERS):
                await channel.pay(_VOUCHER_UNITS)
                step()
        before = (await self._world.money())["agent"]
        with self._stage.waiting("the agent collects the highest voucher"):
            await self._world.operator.collect(channel.id)
            await self._world.until_collected(channel.id, VOUCHERS * _VOUCHER_UNITS)
        got = (await self._world.money())["agent"] - before
        self.paid += VOUCHERS * _VOUCHER_UNITS
        self._stage.good(f"the agent got {_usdc(got)}")

    async def cheat(self) -> None:
        """Act 4: the payer closes with an old state, and the watcher answers."""
        self._stage.act(4, f"The payer cheats: it closes with state {STALE_SEQUENCE}")
        await self._world.anvil.give_gas(self._world.payer, _GAS_WEI)
        self._stage.say(f"a cheater buys gas: the payer holds {await self._ether()} ETH")
        assert self._channel is not None
        await self._dispute(self._channel, self._nothing)

    async def cheat_while_everything_crashes(self) -> None:
        """Act 5: the same again, and node and watcher are killed in the middle."""
        self._stage.act(5, "The payer cheats again, and node and watcher are killed in the middle")
        with self._stage.waiting("opening another channel"):
            channel = await self._world.client.open_channel(
                _SECOND_DEPOSIT_UNITS, challenge_period_seconds=_SECOND_PERIOD_SECONDS
            )
        self._stale = await self._pay(channel, _SECOND_PAYMENTS)
        await self._dispute(channel, self._crash)

    async def _pay(self, channel: AsyncChannel, count: int) -> SignedState:
        """Pay ``count`` times; return the state that a cheater would keep."""
        states: list[SignedState] = []
        with self._stage.counting("payments", count) as step:
            for _ in range(count):
                payment = await channel.pay(_PAYMENT_UNITS)
                assert isinstance(payment.evidence, SignedState)
                states.append(payment.evidence)
                step()
        self.paid += states[-1].state.paid
        return states[STALE_SEQUENCE - 1]

    async def _dispute(self, channel: AsyncChannel, meanwhile: Callable[[AsyncChannel], Awaitable[None]]) -> None:
        assert self._stale is not None
        newest = await channel.latest()
        assert isinstance(newest, SignedState)
        gain = newest.state.paid - self._stale.state.paid
        self._stage.say(f"state {self._stale.state.sequence} would win it {_usdc(gain)}")
        before = await self._world.money()
        await asyncio.gather(channel.start_close(self._stale), meanwhile(channel))
        with self._stage.waiting("the challenge period runs"):
            ended = await self._world.settled(channel.id, self._stage)
        after = await self._world.money()
        self._stage.good(
            f"settled: the payer got {_usdc(after['payer'] - before['payer'])}, "
            f"the agent {_usdc(after['agent'] - before['agent'])}"
        )
        won = ended.payee_paid == newest.state.paid
        (self._stage.good if won else self._stage.bad)(f"state {newest.state.sequence:,}, the newest, says the same")

    async def _nothing(self, _: AsyncChannel) -> None:
        """Let things go their way."""

    async def _crash(self, channel: AsyncChannel) -> None:
        await self._world.closing(channel.id)
        await asyncio.sleep(self._chance.uniform(0, _KILL_WITHIN_SECONDS))
        await asyncio.gather(*(self._world.supervisor.kill(name) for name in ("node", "watcher")))
        disputed = await self._world.closing(channel.id)
        self._stage.bad(f"kill -9: node and watcher are gone, and the chain would settle state {disputed.sequence:,}")
        with self._stage.waiting("starting both again"):
            await self._world.stack.start_services()
        self._stage.good("both serve again, from what they had written to disk")

    async def _ether(self) -> str:
        wei = await self._world.rpc.balance(self._world.payer)
        return f"{wei / 10**18:.4f}" if wei else "0"


def _usdc(units: int) -> str:
    return f"{show_amount(units, DECIMALS)} USDC"

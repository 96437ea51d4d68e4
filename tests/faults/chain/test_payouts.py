"""F32: a payee is blacklisted or the token paused while payouts are under way; every unit is paid or can be claimed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from penstock.chain import calls
from penstock.chain.artifacts import artifact
from penstock.node.records import Intent, attempt_key
from penstock.protocol.primitives import Address
from tests.faults.chain.world import World
from tests.support.disputes import Pair, make_pair

DEPOSIT = 1000
PAID = 300
CHANNELS = 4
TRIES_MAX = 5

Ban = tuple[str, ...]
"""What the token's owner calls, with all arguments but the last: whether it holds."""


@dataclass
class Payouts:
    """Channels that are closed or collected, as a node does it: what had no effect is asked for again."""

    world: World
    two_way: list[Pair]
    one_way: list[Pair]
    owed: dict[Address, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note what each party has a right to in the end."""
        for pair in self.two_way:
            self.owed[pair.payer.address] = self.owed.get(pair.payer.address, 0) + DEPOSIT - PAID
        for pair in (*self.two_way, *self.one_way):
            self.owed[pair.payee.address] = self.owed.get(pair.payee.address, 0) + PAID

    def intents(self) -> Iterator[Intent]:
        """Return what pays everybody: a close for each two-way channel, one collection for all one-way ones."""
        contract = self.world.chain.contract
        for pair in self.two_way:
            yield Intent(f"close:{pair.channel_id}", "close", contract, pair.agreed_close(PAID), pair.channel_id)
        rows = [(pair.channel, pair.voucher(PAID)) for pair in self.one_way]
        yield Intent("collect-many:all", "collect", contract, calls.collect_many(rows))

    async def carry_out(self) -> None:
        """Have all of it done."""
        wanted = {intent.key: intent for intent in self.intents()}
        for attempt in range(1, TRIES_MAX + 1):
            tried = {key: replace(intent, key=attempt_key(key, attempt)) for key, intent in wanted.items()}
            self._add(list(tried.values()))
            while not all(self.world.stored(intent).final for intent in tried.values()):
                await self.world.ticks(1)
            for key, intent in tried.items():
                if self.world.confirmed(intent):
                    del wanted[key]
            if not wanted:
                return
        raise AssertionError(list(wanted))

    def _add(self, intents: Sequence[Intent]) -> None:
        self.world.database.run_sync(lambda uow: [uow.transactions.add(intent, 0) for intent in intents])

    def claim(self, owner: Address) -> int:
        """Return what a party can claim."""
        function = artifact("Channels").interface.function("claims", 2)
        data = function.encode(str(self.world.chain.token), str(owner))
        call = {"to": str(self.world.chain.contract), "data": "0x" + data.hex()}
        answer = self.world.proxy.ask("eth_call", call, "latest")
        return int(function.decode(bytes.fromhex(answer[2:]))[0])


def set_ban(world: World, ban: Ban, *, on: bool) -> None:
    """Have the token's owner set or lift a ban in the next block."""
    name, *arguments = ban
    data = artifact("DevUSDC").interface.encode_call(name, *arguments, on)
    world.chain.anvil.publish(world.chain.deployer, world.chain.token, data)


def make_payouts(world: World) -> Payouts:
    """Open channels with signed closes and vouchers; all have one payee, so that collections are merged."""
    anvil = world.chain.anvil
    anvil.automine(enabled=True)
    first = make_pair(world.chain, deposit=0)
    pairs = [replace(first, channel=replace(first.channel, salt=n, one_way=n % 2 == 1)) for n in range(CHANNELS)]
    for pair in pairs:
        pair.deposit(DEPOSIT)
    anvil.automine(enabled=False)
    anvil.mine(80)
    return Payouts(world, [p for p in pairs if not p.channel.one_way], [p for p in pairs if p.channel.one_way])


def test_f32_a_payee_blacklisted_the_token_paused(world: World) -> None:
    payouts = make_payouts(world)
    payer, payee = payouts.two_way[0].payer, payouts.two_way[0].payee
    before = {owner: world.balance(owner) for owner in payouts.owed}
    bans: list[Ban] = [("setBlacklisted", str(payee.address)), ("setPaused",)]

    def got(owner: Address) -> int:
        return world.balance(owner) - before[owner]

    async def play(world: World) -> None:
        world.random.shuffle(bans)
        for ban in bans[: world.random.randrange(1, 3)]:
            set_ban(world, ban, on=True)
            await world.ticks(world.random.randrange(1, 3))
        await payouts.carry_out()
        assert {owner: got(owner) + payouts.claim(owner) for owner in payouts.owed} == payouts.owed
        assert payouts.claim(payee.address) > 0

        for ban in bans:
            set_ban(world, ban, on=False)
            world.proxy.mine()
        for account in (payer, payee):
            if payouts.claim(account.address):
                data = calls.claim(world.chain.token, account.address)
                world.chain.anvil.publish(account, world.chain.contract, data)
                world.proxy.mine()
        assert {owner: got(owner) for owner in payouts.owed} == payouts.owed

    world.run(play)

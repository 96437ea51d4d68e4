"""What the channel commands work with: the configured client, the node's operator, and tokens with their decimals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.chain.keys import load_keystore
from penstock.chain.pool import connect_rpc
from penstock.chain.rpc import Rpc
from penstock.chain.tokens import Token
from penstock.cli.channel_view import Coin
from penstock.cli.errors import ChannelUnclear, GasMissing, HomeMissing
from penstock.cli.operator import Operator
from penstock.cli.passwords import read_password
from penstock.client import AsyncChannel, AsyncClient
from penstock.client.errors import ChannelNotKept, TokenNotChosen
from penstock.config import FILE_NAME, Settings, load_settings, read_secret
from penstock.protocol.primitives import Address, Bytes32

_ID_CHARACTERS = 66
_PREFIX_CHARACTERS_MIN = 6
_CLIENT_FOLDER = "client"


class Coins:
    """Token names and decimals, each read from the chain once."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._known: dict[Address, Coin] = {}

    async def of(self, address: Address) -> Coin:
        """Return a token's name and decimals; raises `RpcUnavailable` or `CallReverted`."""
        if address not in self._known:
            token = Token(self._rpc, address)
            self._known[address] = Coin(await token.symbol(), await token.decimals())
        return self._known[address]


class Purse:
    """The payer's client and what it pays with; made by `open_purse`."""

    def __init__(self, client: AsyncClient, rpc: Rpc, first_block: int) -> None:
        self.client = client
        self.coins = Coins(rpc)
        self.first_block = first_block
        self._rpc = rpc

    async def check_gas(self) -> None:
        """Check that the payer can pay for a transaction; a stored one would be sent whenever it can."""
        if await self._rpc.balance(self.client.payer) == 0:
            raise GasMissing(str(self.client.payer))

    async def token(self, named: str | None) -> Address:
        """Return the token to pay with; raises `TokenNotChosen` if none is named and the node takes several."""
        if named is not None:
            return Address.parse(named, "token")
        offered = (await self.client.node_info()).tokens
        if len(offered) != 1:
            raise TokenNotChosen(", ".join(offered) or "none")
        return Address.parse(offered[0], "token")

    async def find(self, text: str) -> AsyncChannel:
        """Return the channel whose id is ``text`` or begins with it (0x and at least four digits).

        Raises
        ------
        ChannelNotKept
            There is none in the client's store.
        ChannelUnclear
            Several begin so.
        MalformedField
            It is no id.
        """
        if not text.startswith("0x") or not _PREFIX_CHARACTERS_MIN <= len(text) < _ID_CHARACTERS:
            return await self.client.channel(Bytes32.parse(text, "channel"))
        found = [each for each in await self.client.channels() if str(each.id).startswith(text.lower())]
        if not found:
            raise ChannelNotKept(text)
        if len(found) > 1:
            raise ChannelUnclear(text, len(found))
        return found[0]


def settings_of(home: Path) -> Settings:
    """Read the home's settings.

    Raises
    ------
    HomeMissing
        There is no configuration.
    SettingsInvalid
        It cannot be used.
    """
    if not (home / FILE_NAME).exists():
        raise HomeMissing(str(home / FILE_NAME))
    return load_settings(home)


def password_of(settings: Settings, keystore: Path, configured: Path | None, named: Path | None) -> str:
    """Return a keystore's password: from the named file, PENSTOCK_PASSWORD, the configured file, or a person."""
    if named is None and settings.password is None and configured is not None:
        return read_secret(settings.path(configured))
    return read_password(keystore, named)


@asynccontextmanager
async def open_purse(home: Path, password_file: Path | None) -> AsyncIterator[Purse]:
    """Connect the payer's client as the home's settings say; it keeps its records in HOME/client."""
    settings = settings_of(home)
    keystore = settings.path(settings.client.keystore)
    password = password_of(settings, keystore, settings.client.password_file, password_file)
    chain = settings.chain
    rpc = await connect_rpc(chain.rpc_urls, chain.chain_id, chain.quorum)
    try:
        connected = AsyncClient.connect(
            settings.client.node_url,
            key=load_keystore(keystore, password),
            home=settings.path(Path(_CLIENT_FOLDER)),
            rpc_url=chain.rpc_urls,
            quorum=chain.quorum,
            contract=chain.contract,
        )
        async with connected as client:
            yield Purse(client, rpc, chain.deployment_block)
    finally:
        await rpc.close()


@asynccontextmanager
async def open_operator(home: Path) -> AsyncIterator[tuple[Operator, Coins]]:
    """Connect to the node as its operator, with the token that the home's settings name."""
    settings = settings_of(home)
    section = settings.require_node()
    token = section.operator_token
    secret = token.get_secret_value() if token else read_secret(settings.path(section.operator_token_file))
    chain = settings.chain
    rpc = await connect_rpc(chain.rpc_urls, chain.chain_id, chain.quorum)
    try:
        async with Operator(settings.client.node_url, secret) as operator:
            yield operator, Coins(rpc)
    finally:
        await rpc.close()

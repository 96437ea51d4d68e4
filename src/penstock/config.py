"""Settings, read once at start: ``<home>/penstock.toml``, overridden by variables ``PENSTOCK_*``.

A nested setting is a table in the file and takes two underscores in a variable: ``[node] port = 8402`` is
``PENSTOCK_NODE__PORT=8402``. Relative paths are below the home. Secrets never stand in the file: a password comes
from ``PENSTOCK_PASSWORD`` or from a file that the settings name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError

from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import UINT128_MAX, Address

FILE_NAME = "penstock.toml"


@dataclass(eq=False)
class SettingsInvalid(PenstockError):
    """A setting is missing or wrong. Values are not shown: one of them might be a secret."""

    path: str
    problems: str
    message = "the settings in {path} (or PENSTOCK_* variables) cannot be used: {problems}"
    remedy = "Correct them; docs/settings.md names every setting."


@dataclass(eq=False)
class PasswordFileUnusable(PenstockError):
    """The file that should hold a password or a token cannot be read, or its first line is empty."""

    path: str
    reason: str
    message = "{path} cannot be used: {reason}"
    remedy = "Put the secret on the first line of a file that only you can read (chmod 600)."


def _address(value: object) -> object:
    if isinstance(value, Address):
        return value
    try:
        return Address.parse(value, "address")
    except PenstockError as error:
        raise ValueError(str(error)) from None


AddressSetting = Annotated[Address, BeforeValidator(_address)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Units = Annotated[int, Field(ge=0, le=UINT128_MAX)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class FeesSection(_Section):
    """What transactions offer for gas, in wei per unit; `penstock.chain.fees.FeeSettings` gives the reasons."""

    history_blocks: int = Field(default=10, ge=1, le=1024)
    percentile: int = Field(default=50, ge=0, le=100)
    min_priority_fee_wei: Units = 10**6
    base_fee_multiple: int = Field(default=2, ge=1)
    max_fee_limit_wei: Units = 500 * 10**9
    final_blocks: int = Field(default=2, ge=1)


class SendingSection(_Section):
    """How transactions are sent; `penstock.chain.sending.SenderSettings` gives the reasons.

    Attributes
    ----------
    depths
        Confirmations by purpose where they are not the chain's: a number, or "finalized".
    """

    replace_after_blocks: int = Field(default=3, ge=1)
    in_flight_max: int = Field(default=16, ge=1)
    urgent_reserve: int = Field(default=4, ge=0)
    gas_margin_percent: int = Field(default=25, ge=0)
    depths: dict[str, Annotated[int, Field(ge=1)] | Literal["finalized"]] = {}

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        if self.urgent_reserve >= self.in_flight_max:
            raise ValueError("urgent_reserve must leave a place of in_flight_max to routine")
        return self


class ChainSettings(_Section):
    """The chain and the contract, the same for everyone.

    Attributes
    ----------
    rpc_url
        One JSON-RPC endpoint, or a list of them.
    websocket_url
        Where new heads and waiting transactions are pushed from: one address, or a list; none is fine.
    quorum
        How many of several must say the same about what money depends on; by default more than half.
    deployment_block
        Where following begins: no event of the contract is older.
    confirmations
        How deep a deposit must be before it counts; the block that holds it is the first.
    keep_blocks
        How many followed blocks are remembered: the deepest reorg that can be undone.
    """

    rpc_url: str | Annotated[tuple[str, ...], Field(min_length=1)] = "http://127.0.0.1:8545"
    websocket_url: str | tuple[str, ...] = ()
    quorum: int | None = Field(default=None, ge=1)
    chain_id: int = Field(ge=1)
    contract: AddressSetting
    deployment_block: int = Field(default=1, ge=1)
    confirmations: int = Field(default=1, ge=1)
    poll_seconds: Seconds = 1.0
    keep_blocks: int = Field(default=512, ge=1)
    fees: FeesSection = FeesSection()
    sending: SendingSection = SendingSection()

    @model_validator(mode="after")
    def _check_endpoints(self) -> Self:
        if any(not url.startswith(("ws://", "wss://")) for url in self.websocket_urls):
            raise ValueError("websocket_url must begin with ws:// or wss://")
        if self.quorum is not None and self.quorum > len(self.rpc_urls):
            raise ValueError("quorum is above the number of endpoints in rpc_url")
        return self

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """Return all endpoints."""
        return (self.rpc_url,) if isinstance(self.rpc_url, str) else self.rpc_url

    @property
    def websocket_urls(self) -> tuple[str, ...]:
        """Return all addresses that push."""
        return (self.websocket_url,) if isinstance(self.websocket_url, str) else self.websocket_url

    @property
    def domain(self) -> Domain:
        """Return what every digest is bound to."""
        return Domain(self.chain_id, self.contract)


class WatcherPeer(_Section):
    """A watcher that evidence is delivered to, and the address that signs its receipts.

    Without an address, the key of the first receipt is taken for the watcher's while the process runs.
    """

    url: str
    address: AddressSetting | None = None


class NodeSettings(_Section):
    """The node.

    Attributes
    ----------
    keystore
        The signer's key, which pays for gas too unless ``account_keystores`` names others.
    account_keystores
        The keys that pay for gas; with several, transactions go out side by side.
    payee
        The address that is paid; None if it is the signer's own.
    operator_token_file
        Holds the token of the operator's endpoints; a random one is written there if the file is missing.
    relay_minimum_deposit
        The least deposit or withdrawal (smallest units) whose gas the node pays; None if it relays none.
    head_lag_maximum_seconds
        How old the newest followed block may be before nothing new is signed.
    withdrawal_window_minimum_seconds, withdrawal_window_maximum_seconds
        How far ahead of the head a withdrawal's deadline may lie.
    delivery_pause_seconds
        How long evidence is gathered before it is delivered to the watchers: the newest state is enough.
    """

    host: str = "127.0.0.1"
    port: Port = 8402
    keystore: Path = Path("keys/node.json")
    account_keystores: tuple[Path, ...] = ()
    password_file: Path | None = None
    marks: Path = Path("node-marks.db")
    database_url: str | None = None
    operator_token: SecretStr | None = None
    operator_token_file: Path = Path("operator-token")
    payee: AddressSetting | None = None
    tokens: tuple[AddressSetting, ...] = Field(min_length=1)
    watchers: tuple[WatcherPeer, ...] = ()
    challenge_period_minimum_seconds: int = Field(default=3600, ge=1)
    challenge_period_maximum_seconds: int = Field(default=30 * 86_400, ge=1)
    relay_minimum_deposit: Units | None = None
    head_lag_maximum_seconds: Seconds = 60.0
    withdrawal_window_minimum_seconds: int = Field(default=60, ge=1)
    withdrawal_window_maximum_seconds: int = Field(default=86_400, ge=1)
    delivery_pause_seconds: Seconds = 0.25

    @model_validator(mode="after")
    def _check_windows(self) -> Self:
        for name in ("challenge_period", "withdrawal_window"):
            if getattr(self, f"{name}_minimum_seconds") > getattr(self, f"{name}_maximum_seconds"):
                raise ValueError(f"{name}_minimum_seconds is above {name}_maximum_seconds")
        return self


class BudgetSection(_Section):
    """What an answer to a close may cost; `penstock.watcher.budget.BudgetSettings` gives the reasons."""

    minimum_wei: Units = 5 * 10**15
    maximum_wei: Units = 5 * 10**16
    stake_percent: int = Field(default=50, ge=0, le=100)
    units_per_ether: dict[AddressSetting, Annotated[int, Field(ge=1)]] = {}

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.minimum_wei > self.maximum_wei:
            raise ValueError("minimum_wei is above maximum_wei")
        return self


class WatcherSettings(_Section):
    """The watcher; its key pays for gas and signs receipts, no more.

    Attributes
    ----------
    account_keystores
        More keys that pay for gas, so that transactions go out side by side.
    trusted_tokens
        Tokens whose transfers take little gas: collections and settlements in them share a transaction.
    marks
        Keeps a second watcher with the same key from running.
    gas_reserve_disputes
        Warn when the account pays for fewer disputes than this.
    head_lag_maximum_seconds
        How old the newest followed block may be before the watcher says that it cannot do its work.
    """

    host: str = "127.0.0.1"
    port: Port = 8403
    keystore: Path = Path("keys/watcher.json")
    password_file: Path | None = None
    marks: Path = Path("watcher-marks.db")
    database_url: str | None = None
    account_keystores: tuple[Path, ...] = ()
    trusted_tokens: tuple[AddressSetting, ...] = ()
    budget: BudgetSection = BudgetSection()
    gas_reserve_disputes: int = Field(default=10, ge=0)
    head_lag_maximum_seconds: Seconds = 60.0


class ClientSettings(_Section):
    """The client that the command line uses."""

    node_url: str = "http://127.0.0.1:8402"
    keystore: Path = Path("keys/payer.json")
    password_file: Path | None = None


class LogSettings(_Section):
    """Logs: for people (console) or programs (json)."""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """All settings; see the sections."""

    model_config = SettingsConfigDict(
        env_prefix="PENSTOCK_", env_nested_delimiter="__", extra="ignore", frozen=True, arbitrary_types_allowed=True
    )

    home: Path
    password: SecretStr | None = None
    chain: ChainSettings
    node: NodeSettings | None = None
    watcher: WatcherSettings = WatcherSettings()
    client: ClientSettings = ClientSettings()
    log: LogSettings = LogSettings()

    def require_node(self) -> NodeSettings:
        """Return the node's section; raises `SettingsInvalid` if there is none."""
        if self.node is None:
            raise SettingsInvalid(str(self.home / FILE_NAME), "the section [node] is missing")
        return self.node

    def path(self, path: Path) -> Path:
        """Return a path of the settings as the file system takes it: relative ones lie below the home."""
        return self.home / path

    def database_url(self, section: NodeSettings | WatcherSettings, name: str) -> str:
        """Return a section's database, by default SQLite in ``<home>/<name>.db``."""
        return section.database_url or f"sqlite:///{self.home / name}.db"

    def keystore_password(self, password_file: Path | None) -> str:
        """Return the password of a keystore: ``PENSTOCK_PASSWORD``, else the first line of the file.

        Raises
        ------
        PasswordFileUnusable
            There is neither, or the file cannot be read.
        """
        if self.password is not None:
            return self.password.get_secret_value()
        if password_file is None:
            raise PasswordFileUnusable("password_file", "no password was given, neither there nor in PENSTOCK_PASSWORD")
        return read_secret(self.path(password_file))


def read_secret(path: Path) -> str:
    """Return the first line of a file; raises `PasswordFileUnusable`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise PasswordFileUnusable(str(path), str(reason)) from None
    if not lines or not lines[0].strip():
        raise PasswordFileUnusable(str(path), "its first line is empty")
    return lines[0].strip()


def load_settings(home: Path, **overrides: Any) -> Settings:
    """Read the settings of a home; ``overrides`` (whole sections) go before variables, these before the file.

    Raises
    ------
    SettingsInvalid
        Something is missing, unknown or of the wrong form.
    """
    file = home / FILE_NAME

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the base class names it)
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the base class names it)
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    try:
        return Located(home=home, **overrides)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        raise SettingsInvalid(str(file), problems) from None
    except (SettingsError, ValueError, OSError) as error:
        raise SettingsInvalid(str(file), str(error)) from None

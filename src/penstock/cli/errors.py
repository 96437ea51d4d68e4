"""Every fault of the command line itself, one class each; exit statuses are in `exits`.

::

    PenstockError
    └── CliError
        ├── UsageFault       the command cannot be carried out as it was typed
        │   ├── PasswordMissing  PasswordFileUnreadable  PasswordMismatch
        │   ├── KeyMissing  KeyNameMalformed
        │   ├── HomeMissing  HomeForeign  HomeInUse  ChainLost
        │   ├── AmountMalformed  ChannelUnclear  TransactionUnclear  RecordsMissing
        │   └── PortBusy
        ├── ToolMissing      a program that this command runs is not installed
        ├── ProcessDied      a process of ours ended by itself
        ├── NotReady         a process of ours did not answer in time
        ├── Unreachable      a service that this command talks to does not answer
        ├── GasMissing       the account that should pay for a transaction has nothing
        ├── NotSettled       a dispute is not over long after its deadline
        └── UnitsMissing     money is not where the newest co-signed states say
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import PenstockError


class CliError(PenstockError):
    """A fault of the command line."""


class UsageFault(CliError):
    """The command cannot be carried out as it was typed."""


@dataclass(eq=False)
class PasswordMissing(UsageFault):
    """There is no password and nobody to ask for one."""

    path: str
    message = "the key {path} is encrypted and no password was given"
    remedy = "Set PENSTOCK_PASSWORD, name a file with --password-file, or run in a terminal to be asked."


@dataclass(eq=False)
class PasswordFileUnreadable(UsageFault):
    """The password file cannot be read, or is empty."""

    path: str
    reason: str
    message = "the password file {path} cannot be used: {reason}"
    remedy = "Put the password on the first line of a file that only you can read (chmod 600)."


@dataclass(eq=False)
class PasswordMismatch(UsageFault):
    """The password was typed differently the second time."""

    path: str
    message = "the two passwords for {path} differ"
    remedy = "Run the command again and type the same password twice."


@dataclass(eq=False)
class KeyMissing(UsageFault):
    """There is no such key."""

    name: str
    known: str
    message = "there is no key named {name}, known are: {known}"
    remedy = "Make one with `penstock keys new NAME`, or choose another with --key."


@dataclass(eq=False)
class KeyNameMalformed(UsageFault):
    """The name would not make a good file name."""

    name: str
    message = "{name} is no name for a key, expected 1 to 64 letters, digits, - or _"
    remedy = "Choose another name."


@dataclass(eq=False)
class HomeMissing(UsageFault):
    """The home directory has no configuration."""

    path: str
    message = "there is no {path}"
    remedy = "Start a local chain with `penstock up`, or name the directory with --home or PENSTOCK_HOME."


@dataclass(eq=False)
class HomeForeign(UsageFault):
    """The directory is no local chain's home: nothing in it is touched."""

    path: str
    message = "{path} holds files that `penstock up` did not make"
    remedy = "Name an empty or a new directory with --home."


@dataclass(eq=False)
class HomeInUse(UsageFault):
    """Another `penstock up` works in this home."""

    path: str
    pid: str
    message = "process {pid} is running with the home {path}"
    remedy = "End it first (Ctrl-C in its terminal), or choose another directory with --home."


@dataclass(eq=False)
class ChainLost(UsageFault):
    """The home has a configuration and records, and its chain has no contract."""

    path: str
    message = "the local chain of {path} has lost its contract"
    remedy = "Restore the file anvil.json, or begin again with --fresh."


@dataclass(eq=False)
class AmountMalformed(UsageFault):
    """An amount that is not a decimal number with the token's number of decimals."""

    got: str
    decimals: int
    message = "{got} is no amount, expected a positive number with at most {decimals} decimals"
    remedy = "Write whole tokens, as 2.50 for two and a half."


@dataclass(eq=False)
class TransactionUnclear(UsageFault):
    """The argument means no transaction, or several."""

    which: str
    found: int
    message = "{which} means {found} transactions"
    remedy = "Give the number from `penstock tx list --all`, or the whole key."


@dataclass(eq=False)
class RecordsMissing(UsageFault):
    """The process has not kept any records yet, or keeps them elsewhere."""

    process: str
    path: str
    message = "the {process} has no records in {path}"
    remedy = "Name the home with --home; a process makes its records when it starts first."


@dataclass(eq=False)
class ChannelUnclear(UsageFault):
    """Several channels' ids begin with what was typed."""

    prefix: str
    count: int
    message = "{count} channels begin with {prefix}"
    remedy = "Type more of the id; `penstock channel list` shows them whole."


@dataclass(eq=False)
class PortBusy(UsageFault):
    """Another program listens on the port."""

    purpose: str
    host: str
    port: int
    option: str
    message = "port {port} on {host} is in use, {purpose} cannot have it ({option} chooses another)"
    remedy = "End the program that uses it, or choose another port."


@dataclass(eq=False)
class ToolMissing(CliError):
    """A program that this command runs is not installed."""

    tool: str
    looked: str
    message = "{tool} was not found (looked at {looked})"
    remedy = "Run scripts/setup in a checkout, or install Foundry so that `anvil` is on PATH."


@dataclass(eq=False)
class ProcessDied(CliError):
    """A process of ours ended by itself."""

    name: str
    outcome: str
    message = "{name} ended by itself ({outcome})"
    remedy = "Its last lines above say why; nothing that was persisted is lost, so start again."


@dataclass(eq=False)
class NotReady(CliError):
    """A process of ours runs but does not answer."""

    name: str
    url: str
    seconds: int
    message = "{name} did not answer at {url} within {seconds} seconds"
    remedy = "Its last lines above say why; a slow machine may need --wait with more seconds."


@dataclass(eq=False)
class Unreachable(CliError):
    """A service that this command talks to does not answer."""

    service: str
    url: str
    reason: str
    message = "{service} at {url} does not answer: {reason}"
    remedy = "Start it (`penstock up` runs everything locally), or correct the address."


@dataclass(eq=False)
class GasMissing(CliError):
    """The account cannot pay for any transaction, so none was made."""

    account: str
    message = "the account {account} holds no ETH to pay for the transaction"
    remedy = "Send it some ETH; on a local chain `penstock faucet` does. What the node relays needs none."


@dataclass(eq=False)
class NotSettled(CliError):
    """A dispute is not over long after it should be."""

    channel_id: str
    seconds: int
    message = "channel {channel_id} is not settled after {seconds} seconds"
    remedy = "See the watcher's log; anyone may settle it with `penstock channel settle`."


@dataclass(eq=False)
class UnitsMissing(CliError):
    """Money is not where the newest co-signed states say."""

    who: str
    expected: int
    got: int
    message = "{who} holds {got} units, expected {expected}"
    remedy = "Keep the home directory and report it: this must never happen."


@dataclass(eq=False)
class CommandMalformed(UsageFault):
    """An unknown command or option, or a missing or wrong argument."""

    reason: str
    help_command: str
    message = "{reason} (see `{help_command}`)"
    remedy = "Correct the command; its help names every option."

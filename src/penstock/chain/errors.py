"""Every fault of the chain side by name.

::

    PenstockError
    ├── SignerRefusal             our own signer will not sign (the protocol's branch)
    │   └── CloseContradictsMark
    ├── KeyFault                  a key cannot be used
    │   ├── InvalidKey  KeystoreUnreadable  WrongPassword  KeystoreExists
    │   └── SignerInUse  ForeignMarks  MarksUnavailable
    ├── RpcFault                  an endpoint does not serve us
    │   ├── RpcUnavailable
    │   │   └── RateLimited  EndpointsDisagree
    │   ├── RpcRefused  CallReverted
    │   └── QuorumImpossible  WrongChainId  NoContract  ForeignContract
    ├── TransactionFault          a transaction of ours did not do its work
    │   └── TransactionFailed  TransactionPending
    ├── DeployFault               the contracts cannot be deployed, or are not what they should be
    │   ├── EmptyBounds  ManifestUnreadable  ManifestConflict
    │   └── ForeignCode  ProxyRefused  CreationNotSimulated
    └── ChainFault                the chain contradicts itself (the protocol's branch)
        └── ReorgTooDeep  ImplausibleLogs
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import ChainFault, PenstockError, SignerRefusal

# Signer ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class CloseContradictsMark(SignerRefusal):
    """The agreed close does not fit the newest state this key signed."""

    paid: int
    reason: str
    message = "a close at paid {paid} contradicts the signer's mark: {reason}"
    remedy = "Close at the newest co-signed state, once every proposal is answered and no lock is pending."


# Keys --------------------------------------------------------------------------------------------------------


class KeyFault(PenstockError):
    """A key, or the file that guards it, cannot be used."""


@dataclass(eq=False)
class InvalidKey(KeyFault):
    """Not a secp256k1 private key. The value itself is never shown."""

    reason: str
    message = "this is not a private key: {reason}"
    remedy = "Give 32 bytes, above zero and below the group order of secp256k1."


@dataclass(eq=False)
class KeystoreUnreadable(KeyFault):
    """The file is no keystore of eth-account's format, or cannot be read."""

    path: str
    reason: str
    message = "the keystore {path} cannot be read: {reason}"
    remedy = "Check the path; `penstock keys new` makes a keystore, `penstock keys import` takes one over."


@dataclass(eq=False)
class KeystoreExists(KeyFault):
    """A keystore is never overwritten."""

    path: str
    message = "{path} exists already and is not overwritten"
    remedy = "Choose another name, or move the file away yourself."


@dataclass(eq=False)
class WrongPassword(KeyFault):
    """The password does not open the keystore."""

    path: str
    message = "the password does not open {path}"
    remedy = "Check the password; a lost password cannot be recovered."


@dataclass(eq=False)
class SignerInUse(KeyFault):
    """Another process signs with these marks: two signers could sign two states with one sequence (INV-12)."""

    path: str
    message = "the signer's marks {path} are in use by another process"
    remedy = "Stop the other instance first; one key has one signer."


@dataclass(eq=False)
class ForeignMarks(KeyFault):
    """The marks file belongs to another key."""

    path: str
    expected: str
    got: str
    message = "the marks {path} belong to {got}, the key is {expected}"
    remedy = "Give every key a marks file of its own."


@dataclass(eq=False)
class MarksUnavailable(KeyFault):
    """The marks cannot be read or written; without them nothing is signed."""

    path: str
    reason: str
    message = "the signer's marks {path} cannot be used: {reason}"
    remedy = "Check the disk; never delete the file: it is what keeps the key from signing twice."


# Endpoint ----------------------------------------------------------------------------------------------------


class RpcFault(PenstockError):
    """An endpoint does not serve us."""


@dataclass(eq=False)
class RpcUnavailable(RpcFault):
    """No answer, or none that can be read. Whether a request was carried out is unknown."""

    url: str
    method: str
    reason: str
    message = "{method} at {url} got no answer: {reason}"
    remedy = "Check the endpoint and the network; reads are tried again on their own."


@dataclass(eq=False)
class RateLimited(RpcUnavailable):
    """The endpoint asks us to come back later; ``retry_after_seconds`` is 0 if it does not say when."""

    retry_after_seconds: int
    message = "{method} at {url} was put off: {reason}"
    remedy = "Ask for a higher limit, or name more endpoints; reads are tried again on their own."


@dataclass(eq=False)
class EndpointsDisagree(RpcUnavailable):
    """Too few endpoints say the same; nothing is believed."""

    message = "{method}: {reason}"
    remedy = "Compare the endpoints with another one, and take out the one that lies or lags."


@dataclass(eq=False)
class RpcRefused(RpcFault):
    """The endpoint answered with an error."""

    method: str
    rpc_code: int
    reason: str
    message = "{method} was refused ({rpc_code}): {reason}"
    remedy = "Read the endpoint's reason; it may not serve this method or this range."


@dataclass(eq=False)
class CallReverted(RpcFault):
    """A call or a simulation reverted; ``data`` holds the contract's error."""

    reason: str
    data: bytes
    message = "the call reverts: {reason}"
    remedy = "The reason names the contract's error with the values it compared."


@dataclass(eq=False)
class QuorumImpossible(RpcFault):
    """More endpoints are to agree than there are."""

    endpoints: int
    quorum: int
    message = "{quorum} endpoints are to say the same, {endpoints} are named"
    remedy = "Name more endpoints, or ask for a smaller quorum."


@dataclass(eq=False)
class WrongChainId(RpcFault):
    """The endpoint serves another chain."""

    url: str
    expected: int
    got: int
    message = "{url} serves chain {got}, expected chain {expected}"
    remedy = "Point the RPC address to the right chain."


@dataclass(eq=False)
class NoContract(RpcFault):
    """No code stands at the address."""

    address: str
    message = "there is no contract at {address} on this chain"
    remedy = "Check address and chain; `penstock deploy` deploys the contracts."


@dataclass(eq=False)
class ForeignContract(RpcFault):
    """The contract is another one: its EIP-712 domain differs."""

    address: str
    expected: bytes
    got: bytes
    message = "the contract at {address} has the EIP-712 domain {got}, expected {expected}"
    remedy = "Check the address: signatures for the expected contract are worthless there."


# Transactions ------------------------------------------------------------------------------------------------


class TransactionFault(PenstockError):
    """A transaction of ours did not do its work."""


@dataclass(eq=False)
class TransactionFailed(TransactionFault):
    """It reverted, or its simulation did and it was never sent."""

    key: str
    reason: str
    message = "the transaction {key} failed: {reason}"
    remedy = "The reason names the contract's error; decide again, the failed intent is not retried."


@dataclass(eq=False)
class TransactionPending(TransactionFault):
    """Not mined within the time waited; it is still being sent."""

    key: str
    status: str
    message = "the transaction {key} is not mined yet, it is {status}"
    remedy = "Wait on; it is sent again and its fee raised until it is mined."


# Deployment --------------------------------------------------------------------------------------------------


class DeployFault(PenstockError):
    """The contracts cannot be deployed, or are not what they should be."""


@dataclass(eq=False)
class EmptyBounds(DeployFault):
    """No challenge period fits the bounds."""

    minimum: int
    maximum: int
    message = "no challenge period lies between {minimum} and {maximum} seconds"
    remedy = "The shortest must be at least 1, the longest at least the shortest and below 2^32."


@dataclass(eq=False)
class ManifestUnreadable(DeployFault):
    """The manifest is not one of ours, or of another chain."""

    path: str
    reason: str
    message = "the manifest {path} cannot be used: {reason}"
    remedy = "Restore it, or name another directory; a new manifest finds again what stands on the chain."


@dataclass(eq=False)
class ManifestConflict(DeployFault):
    """The manifest names another address for the contract; nothing was sent."""

    path: str
    name: str
    recorded: str
    planned: str
    message = "{path} has {name} at {recorded}, this deployment would put it at {planned}"
    remedy = "Use the bounds and the release it was deployed with, or let go of the old record with --replace-recorded."


@dataclass(eq=False)
class ForeignCode(DeployFault):
    """Other code stands at the address than the one that ships; the values are the codes' hashes."""

    name: str
    address: str
    expected: bytes
    got: bytes
    message = "the code of {name} at {address} has the hash {got}, expected {expected}"
    remedy = "Do not use that contract. Check that the endpoint serves the chain you mean and tells the truth."


@dataclass(eq=False)
class ProxyRefused(DeployFault):
    """The chain does not take the transaction that makes the deterministic deployment proxy."""

    reason: str
    message = "this chain has no deterministic deployment proxy and does not take the one that would make it: {reason}"
    remedy = (
        "The transaction has no chain id (it is older than EIP-155): try an endpoint that takes such, or ask who runs "
        "the chain to put the proxy there. Without it there is no address that is the same on every chain."
    )


@dataclass(eq=False)
class CreationNotSimulated(DeployFault):
    """The endpoint did not run the creation code for us, so what stands there cannot be compared."""

    name: str
    expected_size: int
    got_size: int
    message = "running the creation of {name} gave {got_size} bytes of code, expected {expected_size}"
    remedy = "The endpoint ignores the state overrides of eth_call; use one that has them (geth and most others do)."


# Chain -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class ReorgTooDeep(ChainFault):
    """None of the blocks we remember is on the chain any more."""

    oldest: int
    message = "the chain was reorganised below block {oldest}, the oldest one remembered"
    remedy = "Compare the endpoint with another one; if it is right, start again from an empty database."


@dataclass(eq=False)
class ImplausibleLogs(ChainFault):
    """The endpoint's logs of a block do not fit the block."""

    block: int
    reason: str
    message = "the logs of block {block} cannot be right: {reason}"
    remedy = "Nothing was recorded. Compare the endpoint with another one."

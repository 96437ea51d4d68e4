"""What ``penstock deploy`` does on a chain, and what it says of each contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.chain.create2 import PROXY, SALT, Planned
from penstock.chain.deploy import Deployed, deploy_contracts, deploy_dev_usdc, find_dev_usdc
from penstock.chain.manifest import Manifest, contract_entry
from penstock.chain.rpc import Rpc
from penstock.chain.standing import Creation, planned_code, verified_code
from penstock.cli.errors import GasMissing
from penstock.cli.output import Json
from penstock.protocol.primitives import Address

DEV_USDC = "DevUSDC"


class Status(StrEnum):
    """What was found out, or done."""

    DEPLOYED = "deployed"
    FOUND = "already deployed"
    MISSING = "not deployed"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Standing:
    """One contract of a deployment; ``creation`` is None if it is not known."""

    name: str
    address: Address
    status: Status
    creation: Creation | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """A plan and a chain's manifest, which must not contradict each other."""

    rpc: Rpc
    plan: Sequence[Planned]
    manifest: Manifest

    async def check(self, owner: Address | None) -> None:
        """Check that the manifest has no other addresses, the token's included if it has an ``owner``.

        Raises
        ------
        ManifestConflict, ManifestUnreadable
            It has, or cannot be read.
        """
        for planned in self.plan:
            self.manifest.check(planned.name, planned.address)
        if owner:
            self.manifest.check(DEV_USDC, await find_dev_usdc(self.rpc, owner))

    async def verify(self) -> list[Standing]:
        """Check that everything stands and is what ships. Raises as `verified_code`."""
        for planned in self.plan:
            await verified_code(self.rpc, planned)
        return [Standing(planned.name, planned.address, Status.VERIFIED) for planned in self.plan]

    async def look(self, owner: Address | None) -> list[Standing]:
        """Tell what stands already, and where the rest would. Raises as `planned_code`."""
        found = [(each.name, each.address, bool(await planned_code(self.rpc, each))) for each in self.plan]
        if owner:
            place = await find_dev_usdc(self.rpc, owner)
            found.append((DEV_USDC, place, await self.rpc.has_code(place)))
        return [Standing(name, place, Status.FOUND if stands else Status.MISSING) for name, place, stands in found]

    async def deploy(self, account: Account, *, dev_token: bool) -> list[Standing]:
        """Deploy what is missing; each contract is in the manifest before the next one is sent.

        Raises `GasMissing` if the account has nothing to pay with, and as `deploy_contracts`.
        """
        missing = any(each.status is Status.MISSING for each in await self.look(account.address if dev_token else None))
        if missing and not await self.rpc.balance(account.address):
            raise GasMissing(str(account.address))
        recorded = {each.name: self.manifest.creation(each.name, each.address) for each in self.plan}
        standing = []
        if dev_token:
            place = await find_dev_usdc(self.rpc, account.address)
            token = await deploy_dev_usdc(self.rpc, account, self.manifest.creation(DEV_USDC, place))
            entry = contract_entry(artifact(DEV_USDC), {}, token.address, token.code, token.creation)
            standing.append(self._record(DEV_USDC, entry, token))
        async for planned, deployed in deploy_contracts(self.rpc, account, self.plan, recorded):
            entry = contract_entry(
                planned.artifact, planned.arguments, deployed.address, deployed.code, deployed.creation
            )
            standing.append(self._record(planned.name, entry, deployed))
        return standing

    def describe(self, standing: Sequence[Standing]) -> dict[str, Json]:
        """Return everything about the deployment, for programs."""
        return {
            "chain_id": self.rpc.chain_id,
            "proxy": str(PROXY),
            "salt": str(SALT),
            "manifest": str(self.manifest.path) if self.manifest.path.exists() else None,
            "contracts": {
                each.name: {
                    "address": str(each.address),
                    "status": each.status,
                    "block": each.creation.block if each.creation else None,
                    "transactionHash": str(each.creation.transaction) if each.creation else None,
                }
                for each in standing
            },
        }

    def _record(self, name: str, entry: dict[str, object], deployed: Deployed) -> Standing:
        self.manifest.record(name, entry)
        status = Status.FOUND if deployed.found else Status.DEPLOYED
        return Standing(name, deployed.address, status, deployed.creation)

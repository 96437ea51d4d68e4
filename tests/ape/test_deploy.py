"""The deployment script, `ape run deploy`."""

from typing import Any

import ape
import pytest

from scripts.deploy import deploy


def test_it_deploys_both_contracts_with_the_bounds_asked_for(project: Any, owner: Any, chain: Any) -> None:
    deployed = deploy(owner, 60, 3_600, with_token=True)

    channels = project.Channels.at(deployed["channels"])
    assert deployed["chainId"] == chain.chain_id
    assert (channels.minChallengePeriod(), channels.maxChallengePeriod()) == (60, 3_600)
    assert project.DevUSDC.at(deployed["usdc"]).owner() == owner


def test_it_leaves_the_token_out_where_money_is_real(owner: Any) -> None:
    assert "usdc" not in deploy(owner, 60, 3_600, with_token=False)


@pytest.mark.parametrize(("least", "most"), [(0, 10), (11, 10)])
def test_empty_bounds_are_refused(project: Any, owner: Any, least: int, most: int) -> None:
    with ape.reverts(project.Channels.InvalidChallengePeriodBounds):
        deploy(owner, least, most, with_token=False)

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {
    ITransparentUpgradeableProxy,
    ProxyAdmin,
    TransparentUpgradeableProxy
} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {FeeToken, NoReturnToken} from "../mocks/HostileTokens.sol";
import {DecimalsToken, RebasingToken, TalkativeToken} from "../mocks/StrangeTokens.sol";
import {HostileTokenTest, IMintable} from "./HostileTokenTest.sol";

/// @notice Returns nothing, as USDT does.
contract NoReturnTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new NoReturnToken());
    }
}

/// @notice Oversized return data that begins with `true`.
contract TalkativeTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new TalkativeToken());
    }
}

contract NoDecimalsTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new DecimalsToken(0));
    }
}

contract EighteenDecimalsTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new DecimalsToken(18));
    }

    function unit() internal pure override returns (uint96) {
        return 1e18;
    }
}

/// @notice With 24 decimals a side may deposit 39,614 whole tokens.
contract TwentyFourDecimalsTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new DecimalsToken(24));
    }

    function unit() internal pure override returns (uint96) {
        return 1e24;
    }

    function test_TheLargestDepositIsTensOfThousandsOfTokens() public pure {
        assertEq(MAX_DEPOSIT / uint256(unit()), 39_614);
    }
}

/// @notice A proxy in the manner of USDC, whose owner upgrades it in the middle of a channel's life to take a fee: the
///         receiver bears it, the contract gives out what it owes and no more, and no deposit is taken any longer.
contract UpgradedTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(
            new TransparentUpgradeableProxy(
                address(new DecimalsToken(6)), address(this), abi.encodeCall(IMintable.mint, (address(this), 1))
            )
        );
    }

    function turn(address) internal override {
        ProxyAdmin admin = ProxyAdmin(address(uint160(uint256(vm.load(token, ERC1967Utils.ADMIN_SLOT)))));
        admin.upgradeAndCall(ITransparentUpgradeableProxy(token), address(new FeeToken()), "");
    }

    function arriving(uint256 amount) internal pure override returns (uint256) {
        return amount - 1;
    }

    function acceptsDeposits() internal pure override returns (bool) {
        return false;
    }
}

/// @notice Rebasing tokens are not supported. What becomes more stays in the contract for ever.
contract RebasingUpTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new RebasingToken());
    }

    function turn(address) internal override {
        RebasingToken(token).setFactor(4);
    }

    /// @dev 6,200 were deposited and are paid; as many came by the rebase.
    function test_WhatBecameMore_IsNobodys() public {
        turn(payee.addr);

        channels.close(both(), 0, signClose(both(), 0));
        channels.close(single(1), 0, signClose(single(1), 0));
        channels.close(single(2), 0, signClose(single(2), 0));
        channels.unlockMany(unlocks());

        assertEq(IERC20(token).balanceOf(address(channels)), 6200);
    }
}

/// @notice Rebasing tokens are not supported. What becomes less is missed by whoever comes last, in that token only.
contract RebasingDownTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new RebasingToken());
    }

    function turn(address) internal override {
        RebasingToken(token).setFactor(1);
    }

    /// @dev 6,200 are owed and 3,100 are there. Whoever comes when too little is left has a claim, which is good once there
    ///      is enough again.
    function test_WhatBecameLess_IsMissedByTheLast() public {
        turn(payee.addr);
        channels.close(both(), 0, signClose(both(), 0));

        channels.close(single(2), 0, signClose(single(2), 0));
        channels.close(single(1), 0, signClose(single(1), 0));

        assertEq(channels.claims(token, payer.addr), 3000);
        assertEq(IERC20(token).balanceOf(address(channels)), 100);
        honestChannelIsUntouched();
        IMintable(token).mint(address(channels), 2900);
        vm.prank(payer.addr);
        channels.claim(token, payer.addr);
        assertEq(IERC20(token).balanceOf(address(channels)), 0);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";

import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";
import {DepositWithAuthorizationTest} from "../DepositWithAuthorization.t.sol";
import {DepositWithPermitTest} from "../DepositWithPermit.t.sol";
import {InitializedUSDC} from "../mocks/InitializedUSDC.sol";
import {BlacklistingTokenTest} from "./RefusingTokens.t.sol";

/// @dev A dollar as the real one is deployed: behind a proxy, whose address is the one in its EIP-712 domain.
function deployProxied(address owner) returns (DevUSDC) {
    bytes memory initialize = abi.encodeCall(InitializedUSDC.initialize, (owner));
    address admin = address(0xAD317);
    return DevUSDC(address(new TransparentUpgradeableProxy(address(new InitializedUSDC()), admin, initialize)));
}

/// @notice Every gasless deposit, once more.
contract DepositWithAuthorizationOfProxiedUsdcTest is DepositWithAuthorizationTest {
    function deployUsdc() internal override returns (DevUSDC) {
        return deployProxied(address(this));
    }
}

/// @notice Every deposit with a permit, once more.
contract DepositWithPermitOfProxiedUsdcTest is DepositWithPermitTest {
    function deployUsdc() internal override returns (DevUSDC) {
        return deployProxied(address(this));
    }
}

/// @notice Every way to be paid while it bars a party.
contract BlacklistingProxiedUsdcTest is BlacklistingTokenTest {
    function deployToken() internal override returns (address) {
        return address(deployProxied(address(this)));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";

/// @notice `DevUSDC` for a proxy, whose storage no constructor wrote.
contract InitializedUSDC is DevUSDC {
    function initialize(address owner_) external {
        assert(owner() == address(0));
        _transferOwnership(owner_);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevUSDC} from "../../contracts/tokens/DevUSDC.sol";

/// @notice What the sender of dollars signs (EIP-3009 `receiveWithAuthorization`), good from the beginning of time.
library Authorizations {
    function digest(DevUSDC usdc, address from, address to, uint256 amount, uint256 validBefore, bytes32 nonce)
        internal
        view
        returns (bytes32)
    {
        bytes32 structHash = keccak256(
            abi.encode(usdc.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), from, to, amount, 0, validBefore, nonce)
        );
        return keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), structHash));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title IReceiveWithAuthorization
/// @notice The part of EIP-3009 that a deposit uses, in the two forms that USDC has.
interface IReceiveWithAuthorization {
    /// @notice Moves `value` from `from` to the caller on a signature by `from`; every version of USDC has this form.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice The same with a signature of any length, for smart wallets; USDC from version 2.2 on.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A smart wallet (ERC-1271) that accepts one signature of a length of its own.
contract Wallet {
    bytes32 private immutable _accepted;

    constructor(bytes memory accepted) {
        _accepted = keccak256(accepted);
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        return keccak256(signature) == _accepted ? this.isValidSignature.selector : bytes4(0);
    }
}

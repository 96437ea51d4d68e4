// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A condition whose share is given and whose time of decision is any: in time, late, in the future or never.
contract ProofCondition {
    uint256 public immutable shareBps;
    uint256 public immutable decidedAt;

    constructor(uint256 shareBps_, uint256 decidedAt_) {
        shareBps = shareBps_;
        decidedAt = decidedAt_;
    }

    function outcome(bytes32) external view returns (uint256, uint256) {
        return (shareBps, decidedAt);
    }
}

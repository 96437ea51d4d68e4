// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {Lock} from "../types/ChannelTypes.sol";
import {Outcomes} from "./Outcomes.sol";

/// @title Locks
/// @notice What a lock is proved by and what it resolves to (docs/protocol.md, section 2, Locks).
library Locks {
    /// @notice Whether the lock is a leaf of the tree with this root.
    function isIn(Lock calldata lock, bytes32 root, bytes32[] calldata proof) internal pure returns (bool) {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(lock))));
        return MerkleProof.verifyCalldata(proof, root, leaf);
    }

    /// @notice How a lock is to be resolved now.
    /// @dev The caller has checked that `Outcomes.MIN_GAS` is left: a starved condition would seem undecided.
    /// @return pending Nothing was decided in time, and there is still time.
    /// @return shareBps The receiver's share; zero if nothing was decided in time, which gives all back to the sender.
    function resolve(Lock calldata lock) internal view returns (bool pending, uint256 shareBps) {
        uint256 decidedAt;
        (shareBps, decidedAt) = Outcomes.ask(lock.condition, lock.key, Outcomes.CONDITION_GAS);
        if (decidedAt != 0 && decidedAt <= lock.expiry) return (false, shareBps);
        return (block.timestamp <= lock.expiry, 0);
    }

    /// @notice The receiver's part of an amount, rounded down.
    function part(uint96 amount, uint256 shareBps) internal pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(amount) * shareBps / Outcomes.WHOLE); // at most `amount`, since shares are at most 10000
    }
}

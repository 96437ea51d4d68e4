// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

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

    /// @notice Divides what a lock takes out of its sender's pool, which is never more than is left there.
    /// @return kept Goes back to the sender.
    /// @return given Goes to the receiver: its share, rounded down.
    /// @return left Stays in the pool.
    function divide(uint96 amount, uint96 pool, uint256 shareBps)
        internal
        pure
        returns (uint96 kept, uint96 given, uint96 left)
    {
        uint256 taken = Math.min(amount, pool);
        // Shares are at most 10000: no product overflows, and no part is larger than the pool.
        unchecked {
            uint256 share = taken * shareBps / Outcomes.WHOLE;
            // forge-lint: disable-next-line(unsafe-typecast)
            (kept, given, left) = (uint96(taken - share), uint96(share), uint96(pool - taken));
        }
    }
}

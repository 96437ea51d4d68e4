// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ICondition} from "../interfaces/ICondition.sol";
import {Lock} from "../types/ChannelTypes.sol";

/// @title Locks
/// @notice What a lock is proved by and what it resolves to (docs/protocol.md, section 2, Locks).
library Locks {
    /// @dev What a condition may use.
    uint256 internal constant CONDITION_GAS = 200_000;
    /// @dev What has to be left to forward that much: 64/63 of it, and the call's own cost for a cold account whose code
    ///      is delegated to a cold one (EIP-150, EIP-2929, EIP-7702).
    uint256 internal constant MIN_GAS = 210_000;

    uint256 private constant BPS = 10_000;

    /// @notice Whether the lock is a leaf of the tree with this root.
    function isIn(Lock calldata lock, bytes32 root, bytes32[] calldata proof) internal pure returns (bool) {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(lock))));
        return MerkleProof.verifyCalldata(proof, root, leaf);
    }

    /// @notice How a lock is to be resolved now.
    /// @dev Reads at least `MIN_GAS` from the caller, who has checked it: a starved condition would seem undecided.
    /// @return pending Nothing was decided in time, and there is still time.
    /// @return shareBps The receiver's share; zero if nothing was decided in time, which gives all back to the sender.
    function resolve(Lock calldata lock) internal view returns (bool pending, uint256 shareBps) {
        uint256 decidedAt;
        (shareBps, decidedAt) = _outcome(lock.condition, lock.key);
        if (decidedAt != 0 && decidedAt <= lock.expiry) return (false, shareBps);
        return (block.timestamp <= lock.expiry, 0);
    }

    /// @notice The receiver's part of an amount, rounded down.
    function part(uint96 amount, uint256 shareBps) internal pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(amount) * shareBps / BPS); // at most `amount`, since shares are at most 10000
    }

    /// @dev Zero for `decidedAt` where the condition is undecided, or where its answer does not count.
    function _outcome(address condition, bytes32 key) private view returns (uint256 shareBps, uint256 decidedAt) {
        bytes memory question = abi.encodeCall(ICondition.outcome, (key));
        bool answered;
        // Bounded both ways: in gas, and in what is copied of the answer.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            answered := staticcall(CONDITION_GAS, condition, add(question, 0x20), mload(question), 0x00, 0x40)
            answered := and(answered, gt(returndatasize(), 0x3f))
            shareBps := mload(0x00)
            decidedAt := mload(0x20)
        }
        if (!answered || shareBps > BPS || decidedAt > block.timestamp) return (0, 0);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Part} from "../types/ConditionTypes.sol";
import {ICondition} from "./ICondition.sol";

/// @title IAllOf
/// @notice Decided by a list of other outcomes: nothing for anybody as soon as one part gives nothing, else the least
///         share once all parts are decided. So that a workflow's payments, across many agents and channels, are all or
///         nothing.
/// @dev A key is `keccak256(abi.encode(parts, notAfter))`. The decision is that of the first evaluation that can make one,
///      at its block's time, and every lock on the key gets the same: whoever is to be paid has to have it evaluated at or
///      before `notAfter`.
/// @dev A part may be an `AllOf` too, evaluated before; one that has itself among its parts, near or far, has no key.
/// @dev Assumes of every part that it keeps the law of `ICondition`. A part that breaks it can decide this condition, or
///      keep it undecided, as it likes, within its list; what has been decided stands whatever the parts say later.
/// @dev Warning: take a lock on an `AllOf` only if its expiry is at or after `notAfter`; with an earlier one, an evaluation
///      in between pays others and not you. And know the parts: their conditions need the same trust as a lock's own.
/// @dev Warning: there is no greatest number of parts here. A list that no block has the gas for can never be evaluated, and
///      its locks go back to their senders: take a lock only if the parts are few. One of ours takes some 8,000 gas, a
///      hostile one up to 200,000.
interface IAllOf is ICondition {
    /// @notice A list was decided.
    /// @param decidedAt The time of the block.
    event Evaluated(bytes32 indexed key, uint16 shareBps, uint40 decidedAt);

    /// @notice The list has no parts.
    error NoParts();

    /// @notice The time to evaluate is over.
    error TooLate(uint40 notAfter, uint256 timestamp);

    /// @notice No part gives nothing, and the one at `index`, the first of its kind, is undecided or does not answer as
    ///         it must.
    error PartUndecided(uint256 index, address condition, bytes32 key);

    /// @notice Too little gas is left to ask a part: send the transaction with more.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice Decides the list, at the block's time, by what its parts say now. Anyone may call, until `notAfter`,
    ///         inclusive.
    /// @dev Reads a part as strictly as `Channels.unlock` does: one that reverts, has no code, burns its gas, says too
    ///      little, gives more than all or names a future time is undecided. Needs 210,000 gas at the moment it asks a
    ///      part, so that nobody starves one; and if somebody could, a part taken for undecided can only make this revert,
    ///      never change what is decided.
    /// @dev Succeeds exactly if the list is decided afterwards: an evaluation of a decided list, at any time, changes nothing
    ///      and asks nobody, so that nobody breaks a batch by evaluating first.
    /// @param parts At least one, in any order; the order is part of the key.
    /// @param notAfter Seconds since the epoch, inclusive.
    function evaluate(Part[] calldata parts, uint40 notAfter) external;

    /// @notice The key of a list; refuses an empty one.
    function keyOf(Part[] calldata parts, uint40 notAfter) external pure returns (bytes32);
}

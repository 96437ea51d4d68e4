// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice One of the outcomes that an `AllOf` waits for.
struct Part {
    /// @dev An `ICondition`.
    address condition;
    /// @dev What to ask it.
    bytes32 key;
}

/// @notice The terms of work that counts as done unless somebody objects: passed in calldata, hashed into a key of
///         `Optimistic`.
struct Terms {
    /// @dev Says that the work is done; a plain account or a smart wallet, never zero.
    address claimant;
    /// @dev May object; a plain account or a smart wallet, never zero.
    address disputer;
    /// @dev Seconds from the assertion in which to object, at least 1.
    uint32 window;
    /// @dev The `ICondition` that decides after an objection, within 100,000 gas; never zero.
    address arbitration;
    /// @dev What to ask it.
    bytes32 arbitrationKey;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICondition} from "../interfaces/ICondition.sol";

/// @title Outcomes
/// @notice Asks a condition that may be lawless: the one way in which `unlock` and conditions that build on others read
///         an answer.
library Outcomes {
    /// @dev A share that gives everything to the receiver.
    uint16 internal constant WHOLE = 10_000;

    /// @dev What a condition may use.
    uint256 internal constant CONDITION_GAS = 200_000;
    /// @dev What has to be left to forward that much: 64/63 of it, and the call's own cost for a cold account whose code
    ///      is delegated to a cold one (EIP-150, EIP-2929, EIP-7702).
    uint256 internal constant MIN_GAS = 210_000;

    /// @dev What a condition may use that another one asks while it is being asked itself.
    uint256 internal constant INNER_GAS = 100_000;
    /// @dev What has to be left to forward that much, as above.
    uint256 internal constant INNER_MIN_GAS = 110_000;

    /// @notice What a condition has decided about a key; zero for `decidedAt` where it is undecided or where its answer
    ///         does not count: it reverts, has no code, says too little, gives more than all, or names a future time.
    /// @dev The caller has checked that the minimum for `gasLimit` is left: a starved condition would seem undecided.
    /// @param gasLimit What the condition may use: `CONDITION_GAS` or `INNER_GAS`.
    // Bounded both ways: in gas, and, as only assembly can, in what is copied of the answer.
    // slither-disable-next-line assembly
    function ask(address condition, bytes32 key, uint256 gasLimit)
        internal
        view
        returns (uint256 shareBps, uint256 decidedAt)
    {
        bytes memory question = abi.encodeCall(ICondition.outcome, (key));
        bool answered;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            answered := staticcall(gasLimit, condition, add(question, 0x20), mload(question), 0x00, 0x40)
            answered := and(answered, gt(returndatasize(), 0x3f))
            shareBps := mload(0x00)
            decidedAt := mload(0x20)
        }
        if (!answered || shareBps > WHOLE || decidedAt > block.timestamp) return (0, 0);
    }
}

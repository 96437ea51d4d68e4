// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title ICondition
/// @notice Decides what becomes of locked money. An outcome is recorded once and serves every lock that names it, on
///         every channel.
/// @dev A condition's law, on which `Channels.unlock` and whoever accepts a lock relies: once it has answered, the answer
///      never changes; and a block later than `decidedAt` already gives it, so that nothing is decided backwards.
/// @dev Warning: `unlock` asks with 200,000 gas, by a static call. Whatever does not answer in two words within them, and
///      truthfully about time, counts as undecided, and the money goes back to its sender after the expiry.
interface ICondition {
    /// @notice What was decided about `key`.
    /// @return shareBps The receiver's share in hundredths of a percent, at most 10000; the rest is the sender's.
    /// @return decidedAt Seconds since the epoch, not in the future; zero as long as nothing is decided.
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt);
}

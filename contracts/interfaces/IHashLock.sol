// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICondition} from "./ICondition.sol";

/// @title IHashLock
/// @notice Decided, all to the receiver, once the preimage of a hash is shown: who learns it first is paid by everyone
///         who locked money on its hash.
/// @dev A key is the SHA-256 of 32 bytes. A key that no 32 bytes hash to is never decided.
/// @dev Warning: whoever sees a preimage can reveal it, so a secret goes to a counterparty only in return for a lock. And a
///      hash used twice is no secret the second time: draw a fresh preimage for every payment.
/// @dev Warning: what counts is the time of the reveal, not when the preimage was known. Its holder needs time before the
///      expiry to get the transaction included.
interface IHashLock is ICondition {
    /// @notice A preimage was shown for the first time; the block's time is that of the decision.
    event Revealed(bytes32 indexed key, bytes32 preimage);

    /// @notice Decides the SHA-256 of `preimage`, at the block's time. Anyone may call.
    /// @dev A second reveal changes nothing and does not fail, so that nobody breaks a batch by revealing first.
    function reveal(bytes32 preimage) external;
}

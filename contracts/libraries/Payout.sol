// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Payout
/// @notice Pure settlement arithmetic (docs/protocol.md, section 2).
/// @dev `left` is what a channel holds: deposits less withdrawals. `payerBalance` is the payer's part of it before
///      locks: its deposit less its withdrawals less `paid`. The payee's is the rest.
library Payout {
    /// @notice Splits what is left according to a state; the four parts add up to it in every case (INV-1, INV-3).
    /// @dev Never refuses: a deposit may have vanished in a reorg, and a refusal would let an older close win. What
    ///      is missing eats its owner's locks first.
    /// @return payerPaid Paid to the payer now.
    /// @return payeePaid Paid to the payee now.
    /// @return payerPool Kept for the locks that the payer funds.
    /// @return payeePool Kept for the locks that the payee funds.
    function split(uint96 left, int256 payerBalance, uint128 payerLocked, uint128 payeeLocked)
        internal
        pure
        returns (uint96 payerPaid, uint96 payeePaid, uint96 payerPool, uint96 payeePool)
    {
        // Sums of a few figures below 2^128 do not overflow, and no part is larger than what it is taken from.
        unchecked {
            int256 payeeBalance = int256(uint256(left)) - payerBalance;
            uint96 payerShare = clamp(payerBalance, left);
            uint96 payeeShare = left - payerShare;
            payerPaid = clamp(payerBalance - int256(uint256(payerLocked)), payerShare);
            payeePaid = clamp(payeeBalance - int256(uint256(payeeLocked)), payeeShare);
            payerPool = payerShare - payerPaid;
            payeePool = payeeShare - payeePaid;
        }
    }

    /// @notice Brings `value` into the range 0 to `maximum`.
    function clamp(int256 value, uint96 maximum) internal pure returns (uint96) {
        if (value < 0) return 0;
        if (value > int256(uint256(maximum))) return maximum;
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(value)); // between 0 and a uint96 by now
    }
}

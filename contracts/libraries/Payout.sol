// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice The absolute totals of a channel, each below 2^96.
/// @dev A one-way channel has no payee deposit, no payer withdrawal, and what was collected as `payeeWithdrawn`.
struct Totals {
    uint256 payerDeposit;
    uint256 payerWithdrawn;
    uint256 payeeDeposit;
    uint256 payeeWithdrawn;
}

/// @notice How what is left in a channel is split: paid to each side now, and kept in each side's pool for its locks.
struct Split {
    uint96 payerPaid;
    uint96 payeePaid;
    uint96 payerPool;
    uint96 payeePool;
}

/// @title Payout
/// @notice Pure settlement arithmetic (docs/protocol.md, section 2).
/// @dev Requires withdrawals not to exceed deposits in sum. All values fit 130 bits, so nothing overflows in int256.
library Payout {
    /// @notice What is left in the channel: deposits less withdrawals.
    function left(Totals memory totals) internal pure returns (uint256) {
        return totals.payerDeposit + totals.payeeDeposit - totals.payerWithdrawn - totals.payeeWithdrawn;
    }

    /// @notice What an agreed close pays each side; negative where the close asks for more than there is.
    function agreed(Totals memory totals, int256 paid) internal pure returns (int256 payerPaid, int256 payeePaid) {
        payerPaid = int256(totals.payerDeposit) - int256(totals.payerWithdrawn) - paid;
        payeePaid = int256(left(totals)) - payerPaid;
    }

    /// @notice Splits what is left according to a state; the four parts add up to it in every case (INV-1, INV-3).
    /// @dev Never refuses: a deposit may have vanished in a reorg, and a refusal would let an older close win. What
    ///      is missing eats its owner's locks first.
    function split(Totals memory totals, int256 paid, uint256 payerLocked, uint256 payeeLocked)
        internal
        pure
        returns (Split memory result)
    {
        int256 rest = int256(left(totals));
        int256 payerBalance = int256(totals.payerDeposit) - int256(totals.payerWithdrawn) - paid;
        int256 payeeBalance = rest - payerBalance;

        int256 payerShare = clamp(payerBalance, rest);
        int256 payeeShare = rest - payerShare;
        int256 payerPaid = clamp(payerBalance - int256(payerLocked), payerShare);
        int256 payeePaid = clamp(payeeBalance - int256(payeeLocked), payeeShare);

        result.payerPaid = part(payerPaid);
        result.payeePaid = part(payeePaid);
        result.payerPool = part(payerShare - payerPaid);
        result.payeePool = part(payeeShare - payeePaid);
    }

    /// @dev Narrows a figure between 0 and what is left, which deposits below 2^95 a side keep below 2^96.
    function part(int256 value) internal pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(value));
    }

    /// @notice Brings `value` into the range 0 to `maximum`.
    function clamp(int256 value, int256 maximum) internal pure returns (int256) {
        if (value < 0) return 0;
        return value > maximum ? maximum : value;
    }
}

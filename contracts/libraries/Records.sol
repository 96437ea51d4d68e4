// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IChannels} from "../interfaces/IChannels.sol";
import {ChannelView, Phase, State, Withdrawal} from "../types/ChannelTypes.sol";
import {Payout} from "./Payout.sol";

/// @notice What the contract keeps of a channel.
/// @dev One comment line starts each storage slot; an opening by the payer writes the first slot only.
struct Record {
    // Everything a one-way channel ever needs.
    uint96 payerDeposit;
    uint96 withdrawn; // two-way: by the payer; one-way: collected by the payee
    uint40 deadline;
    Phase phase;
    bool oneWay;
    bool hasPayeeSide; // whether the next slot is in use; if not, nobody pays for reading it
    // The payee's side of a two-way channel.
    uint96 payeeDeposit;
    uint96 payeeWithdrawn;
    // The disputed state, already split: deposits and withdrawals are fixed once the channel is Closing.
    uint96 payerPaid;
    uint96 payeePaid;
    uint64 sequence; // zero: there is no disputed state, and this slot and the next two are empty
    // What the disputed state locks. Written only if there is something locked, as is the next slot.
    uint96 payerPool;
    uint96 payeePool;
    // The Merkle root of its locks.
    bytes32 locksRoot;
    // One bit a lock, by its index: set once it is resolved.
    uint256 resolved;
}

using Records for Record global;

/// @title Records
/// @notice What is known of a channel, and how it changes; whether it may is for the caller to check, but for the
///         sums, which are checked here.
library Records {
    /// @dev Per side, so that totals, shares and pools fit uint96.
    uint256 private constant MAX_DEPOSIT = 2 ** 95 - 1;

    /* TOTALS */

    /// @notice Raises a side's deposit.
    function raise(Record storage record, bool forPayee, uint256 amount) internal {
        if (forPayee) {
            record.payeeDeposit = _sum(record.payeeDeposit, amount);
            record.hasPayeeSide = true;
        } else {
            record.payerDeposit = _sum(record.payerDeposit, amount);
        }
    }

    /// @notice Raises the withdrawn totals; a total that does not rise is not written.
    /// @return payerAmount By how much the payer's rises.
    /// @return payeeAmount By how much the payee's rises.
    function takeOut(Record storage record, Withdrawal calldata withdrawal)
        internal
        returns (uint256 payerAmount, uint256 payeeAmount)
    {
        (uint256 payeeDeposit, uint256 payeeWithdrawn) = payeeSide(record);
        uint256 payerWithdrawn = record.withdrawn;
        payerAmount = Math.saturatingSub(withdrawal.payerTotal, payerWithdrawn);
        payeeAmount = Math.saturatingSub(withdrawal.payeeTotal, payeeWithdrawn);
        if (payerAmount == 0 && payeeAmount == 0) {
            revert IChannels.NothingToWithdraw(
                withdrawal.payerTotal, withdrawal.payeeTotal, payerWithdrawn, payeeWithdrawn
            );
        }
        payerWithdrawn += payerAmount;
        payeeWithdrawn += payeeAmount;
        uint256 deposited = record.payerDeposit + payeeDeposit;
        if (payerWithdrawn + payeeWithdrawn > deposited) {
            revert IChannels.WithdrawalExceedsDeposits(payerWithdrawn + payeeWithdrawn, deposited);
        }
        if (payerAmount != 0) record.withdrawn = SafeCast.toUint96(payerWithdrawn);
        if (payeeAmount != 0) {
            record.payeeWithdrawn = SafeCast.toUint96(payeeWithdrawn);
            record.hasPayeeSide = true;
        }
    }

    /// @notice What is left in the channel, and the payer's part of it with nothing paid: its deposit less its
    ///         withdrawals.
    /// @param oneWay What the record says too, for callers that know it without reading.
    function funds(Record storage record, bool oneWay) internal view returns (uint96 left, int256 payerFunds) {
        (uint96 payerDeposit, uint96 withdrawn) = (record.payerDeposit, record.withdrawn);
        if (oneWay) return (payerDeposit - withdrawn, int256(uint256(payerDeposit)));

        (uint96 payeeDeposit, uint96 payeeWithdrawn) = payeeSide(record);
        left = payerDeposit + payeeDeposit - withdrawn - payeeWithdrawn;
        payerFunds = int256(uint256(payerDeposit)) - int256(uint256(withdrawn));
    }

    /// @notice The payee's deposit and withdrawals in a two-way channel; its slot is read only if it is in use.
    function payeeSide(Record storage record) internal view returns (uint96 payeeDeposit, uint96 payeeWithdrawn) {
        if (record.hasPayeeSide) (payeeDeposit, payeeWithdrawn) = (record.payeeDeposit, record.payeeWithdrawn);
    }

    function _sum(uint96 deposited, uint256 amount) private pure returns (uint96) {
        if (amount > MAX_DEPOSIT - deposited) revert IChannels.DepositTooLarge(deposited, amount, MAX_DEPOSIT);
        return SafeCast.toUint96(deposited + amount);
    }

    /* THE DISPUTED STATE */

    /// @notice Makes a state the disputed one.
    function dispute(Record storage record, State calldata state) internal {
        (uint96 left, int256 payerFunds) = funds(record, false);
        (uint96 payerPaid, uint96 payeePaid, uint96 payerPool, uint96 payeePool) =
            Payout.split(left, payerFunds - state.paid, state.payerLocked, state.payeeLocked);
        bool hadLocks = record.sequence != 0 && record.payerPaid + record.payeePaid != left;
        bool hasLocks = payerPaid + payeePaid != left;

        record.payerPaid = payerPaid;
        record.payeePaid = payeePaid;
        record.sequence = state.sequence;
        if (hadLocks || hasLocks) {
            record.payerPool = payerPool;
            record.payeePool = payeePool;
            record.locksRoot = hasLocks ? state.locksRoot : bytes32(0);
        }
    }

    /// @notice Forgets the disputed state, so that none of its locks can be resolved any more.
    function endDispute(Record storage record) internal {
        record.deadline = 0;
        if (record.sequence == 0) return;
        (record.payerPaid, record.payeePaid, record.sequence) = (0, 0, 0);
        (record.payerPool, record.payeePool, record.locksRoot) = (0, 0, 0);
    }

    /// @notice The split that `settle` pays: the disputed state's, or without one that of what the chain knows.
    function outcome(Record storage record)
        internal
        view
        returns (uint96 payerPaid, uint96 payeePaid, uint96 payerPool, uint96 payeePool)
    {
        (uint96 left, int256 payerFunds) = funds(record, record.oneWay);
        if (record.sequence != 0) {
            (payerPaid, payeePaid) = (record.payerPaid, record.payeePaid);
            // What is left and not paid is locked; in the usual case nothing is, and its slot is not read.
            if (payerPaid + payeePaid != left) (payerPool, payeePool) = (record.payerPool, record.payeePool);
            return (payerPaid, payeePaid, payerPool, payeePool);
        }
        int256 collected = record.oneWay ? int256(uint256(record.withdrawn)) : int256(0);
        return Payout.split(left, payerFunds - collected, 0, 0);
    }

    /* VIEW */

    /// @notice All that is known, as anybody may read it.
    function look(Record storage record) internal view returns (ChannelView memory known) {
        known.phase = record.phase;
        known.deadline = record.deadline;
        known.payerDeposit = record.payerDeposit;
        known.payerWithdrawn = record.oneWay ? 0 : record.withdrawn;
        known.payeeDeposit = record.payeeDeposit;
        known.payeeWithdrawn = record.oneWay ? record.withdrawn : record.payeeWithdrawn;
        if (known.deadline == 0) return known;

        (known.payerPaid, known.payeePaid, known.payerPool, known.payeePool) = outcome(record);
        known.sequence = record.sequence;
        known.locksRoot = record.locksRoot;
        known.resolved = record.resolved;
    }
}

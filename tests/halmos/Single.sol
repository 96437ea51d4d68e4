// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, Lock, Signature} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsProof} from "./ChannelsProof.sol";
import {Logic} from "./Logic.sol";
import {ProofCondition} from "./ProofCondition.sol";
import {Record, Records} from "./Records.sol";
import {SVM} from "./Svm.sol";

/// @notice Locks and vouchers are paid once (INV-9, INV-10).
/// @dev Shares are below 2^14, some of which are above 10000 and do not count; Merkle proofs have at most two steps.
contract SingleProof is ChannelsProof {
    using Logic for bool;

    /// @notice INV-10: a voucher pays its figure, or the deposit if that is less, less what was collected; so the same
    ///         one again pays nothing.
    function check_voucherPaysOnce(Channel memory channel, uint128 paid, Signature memory signature) external {
        Books memory books = start(channel);

        channels.collect(channel, paid, signature);

        (, uint256 payeeGot) = gains(books, channel);
        uint256 collected = Records.read(address(channels), books.id).withdrawn;
        assert((collected == paid).or((collected == books.record.payerDeposit).and(collected < paid)));
        unchecked {
            assert(payeeGot == collected - books.record.withdrawn);
        }
        assert(payeeGot != 0);
    }

    /// @notice INV-9: an unlock succeeds only for a lock of the settled state's whose bit was clear, sets it and no other;
    ///         pays what was locked, as far as its pool goes, to the receiver what was decided in time, else, and only
    ///         after the expiry, to the sender.
    function check_unlock(Channel memory channel, Lock memory lock, bytes32[] memory proof) external {
        (uint256 share, uint256 decidedAt) = (SVM.createUint(14, "share"), SVM.createUint(256, "decidedAt"));
        lock.condition = address(new ProofCondition(share, decidedAt));
        Books memory books = start(channel);

        channels.unlock(channel, lock, proof);

        finish(books, channel);
        bool counts = (decidedAt != 0).and(decidedAt <= lock.expiry);
        counts = counts.and(decidedAt <= block.timestamp).and(share <= 10_000);
        bool due = counts.or(block.timestamp > lock.expiry); // decided in time, or expired
        due = due.and(_root(lock, proof) == bytes32(books.record.locksRoot)); // one of those that were signed
        assert(due.and(_isMarked(books, lock.index)).and(_isPaid(books, channel, lock, counts.times(share))));
    }

    /// @dev Only once settled, only once, and no other lock but this is marked.
    function _isMarked(Books memory books, uint8 index) private view returns (bool isMarked) {
        uint256 bit = 1 << index;
        isMarked = (books.record.phase == Records.SETTLED).and(books.record.resolved & bit == 0);
        return isMarked.and(Records.read(address(channels), books.id).resolved == books.record.resolved | bit);
    }

    function _isPaid(Books memory books, Channel memory channel, Lock memory lock, uint256 share)
        private
        view
        returns (bool isPaid)
    {
        uint256 pool = lock.fromPayer ? books.record.payerPool : books.record.payeePool;
        uint256 amount = lock.amount < pool ? lock.amount : pool;
        (uint256 payerGot, uint256 payeeGot) = gains(books, channel);
        unchecked {
            uint256 given = amount * share / 10_000;
            isPaid = payerGot == (lock.fromPayer ? amount - given : given);
            return isPaid.and(payeeGot == (lock.fromPayer ? given : amount - given));
        }
    }

    /// @dev The root of the tree in which the proof places the lock, in OpenZeppelin's layout.
    function _root(Lock memory lock, bytes32[] memory proof) private pure returns (bytes32 node) {
        node = keccak256(bytes.concat(keccak256(abi.encode(lock))));
        for (uint256 i = 0; i < proof.length; ++i) {
            node = node < proof[i]
                ? keccak256(bytes.concat(node, proof[i]))
                : keccak256(bytes.concat(proof[i], node));
        }
    }
}

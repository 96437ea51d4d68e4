// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Challenge,
    Channel,
    Collect,
    Lock,
    Signature,
    Signatures,
    State,
    Unlock
} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsProof} from "./ChannelsProof.sol";
import {Logic} from "./Logic.sol";
import {Messages} from "./Messages.sol";
import {ProofCondition} from "./ProofCondition.sol";
import {Record, Records} from "./Records.sol";
import {SVM} from "./Svm.sol";

/// @notice Batches of two items for one channel, good or bad: each is a step or none (INV-1, INV-2, INV-3, INV-4, INV-7).
contract BatchesProof is ChannelsProof {
    using Logic for bool;
    using Messages for bytes32;

    /// @dev INV-10, INV-6: what was collected afterwards is what it was, or what a signed voucher says, as far as the
    ///      deposit goes.
    function check_collectMany(
        Channel memory channel,
        uint128 first,
        uint128 second,
        Signature memory firstSignature,
        Signature memory secondSignature
    ) external {
        Books memory books = start(channel);
        Collect[] memory items = new Collect[](2);
        items[0] = Collect(channel, first, firstSignature);
        items[1] = Collect(channel, second, secondSignature);

        channels.collectMany(items);

        finish(books, channel);
        uint256 collected = Records.read(address(channels), books.id).withdrawn;
        bool bySigned = _pays(books, channel, items[0], collected).or(_pays(books, channel, items[1], collected));
        assert(bySigned.or(collected == books.record.withdrawn));
    }

    function _pays(Books memory books, Channel memory channel, Collect memory item, uint256 collected)
        private
        view
        returns (bool)
    {
        uint256 deposit = books.record.payerDeposit;
        bool due = (collected == item.paid).or((collected == deposit).and(collected < item.paid));
        bytes32 digest = Messages.voucher(channels.domainSeparator(), books.id, item.paid);
        return due.and(digest.isSignedBy(item.payerSignature, channel.payerSigner));
    }

    /// @dev One item: nothing is carried from it to the next. INV-4, INV-6: the dispute is what it was, or what both signed.
    function check_challengeMany(Channel memory channel, State memory state, Signatures memory signatures) external {
        Books memory books = start(channel);
        Challenge[] memory items = new Challenge[](1);
        items[0] = Challenge(channel, state, signatures);

        channels.challengeMany(items);

        finish(books, channel);
        uint256 sequence = Records.read(address(channels), books.id).sequence;
        bytes32 digest = Messages.state(channels.domainSeparator(), books.id, state);
        bool signed = digest.isSignedBy(signatures.payer, channel.payerSigner);
        signed = signed.and(digest.isSignedBy(signatures.payee, channel.payeeSigner)).and(sequence == state.sequence);
        assert(signed.or(sequence == books.record.sequence));
    }

    function check_settleMany(Channel memory channel) external {
        Books memory books = start(channel);
        Channel[] memory items = new Channel[](2);
        (items[0], items[1]) = (channel, channel);

        channels.settleMany(items);

        finish(books, channel);
    }

    /// @dev INV-9: one lock twice. It is marked and taken out of its sender's pool once, and from the other's nothing; or
    ///      nothing happens.
    function check_unlockMany(Channel memory channel, Lock memory lock) external {
        lock.condition = address(new ProofCondition(SVM.createUint(14, "share"), SVM.createUint(256, "decidedAt")));
        Books memory books = start(channel);
        Unlock[] memory items = new Unlock[](2);
        items[0] = Unlock(channel, lock, new bytes32[](0));
        items[1] = items[0];

        channels.unlockMany(items);

        finish(books, channel);
        Record memory then = Records.read(address(channels), books.id);
        (uint256 pool, uint256 left) = (books.record.payerPool, then.payerPool);
        (uint256 otherPool, uint256 otherLeft) = (books.record.payeePool, then.payeePool);
        if (!lock.fromPayer) (pool, left, otherPool, otherLeft) = (otherPool, otherLeft, pool, left);
        uint256 bit = 1 << lock.index;
        bool isNew = books.record.resolved & bit == 0;
        bool marked = isNew.and(then.resolved == books.record.resolved | bit);
        unchecked {
            uint256 taken = lock.amount < pool ? lock.amount : pool;
            bool once = marked.and(left == pool - taken);
            bool never = (then.resolved == books.record.resolved).and(left == pool);
            assert(once.or(never).and(otherLeft == otherPool));
        }
    }
}

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
import {ProofCondition} from "./ProofCondition.sol";
import {SVM} from "./Svm.sol";

/// @notice Batches of two items for one channel, good or bad: each is a step or none (INV-1, INV-2, INV-3,
///         INV-4, INV-7, INV-9, INV-10).
contract BatchesProof is ChannelsProof {
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
    }

    /// @dev One item: nothing is carried from it to the next.
    function check_challengeMany(Channel memory channel, State memory state, Signatures memory signatures) external {
        Books memory books = start(channel);
        Challenge[] memory items = new Challenge[](1);
        items[0] = Challenge(channel, state, signatures);

        channels.challengeMany(items);

        finish(books, channel);
    }

    function check_settleMany(Channel memory channel) external {
        Books memory books = start(channel);
        Channel[] memory items = new Channel[](2);
        (items[0], items[1]) = (channel, channel);

        channels.settleMany(items);

        finish(books, channel);
    }

    /// @dev One lock twice: the second time it is resolved, or was refused before.
    function check_unlockMany(Channel memory channel, Lock memory lock) external {
        lock.condition = address(new ProofCondition(SVM.createUint(14, "share"), SVM.createUint(256, "decidedAt")));
        Books memory books = start(channel);
        Unlock[] memory items = new Unlock[](2);
        items[0] = Unlock(channel, lock, new bytes32[](0));
        items[1] = items[0];

        channels.unlockMany(items);

        finish(books, channel);
    }
}

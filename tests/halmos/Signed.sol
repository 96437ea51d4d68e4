// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Channel,
    CloseIntent,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsProof} from "./ChannelsProof.sol";
import {Logic} from "./Logic.sol";
import {Messages} from "./Messages.sol";
import {Records} from "./Records.sol";

/// @notice A signature is good for one message of one channel (INV-6): what each function accepts, of any channel in any
///         state, was signed, as just this message, by just the terms' signers, and no two messages have one digest.
/// @dev The precompile's `ecrecover` is a function nothing is known of; keccak256 has no collisions.
contract SignedProof is ChannelsProof {
    using Logic for bool;
    using Messages for bytes32;

    function check_acceptedState(Channel memory channel, State memory state, Signatures memory signatures) external {
        bytes32 id = start(channel).id;

        channels.challenge(channel, state, signatures);

        _assertBoth(channel, Messages.state(channels.domainSeparator(), id, state), signatures);
    }

    function check_acceptedFirstState(
        Channel memory channel,
        State memory state,
        Signatures memory signatures) external {
        bytes32 id = start(channel).id;

        channels.startClose(channel, state, signatures);

        _assertBoth(channel, Messages.state(channels.domainSeparator(), id, state), signatures);
    }

    function check_acceptedFirstStateAndIntent(
        Channel memory channel,
        State memory state,
        Signatures memory signatures,
        CloseIntent memory intent,
        Signature memory signature
    ) external {
        bytes32 id = start(channel).id;

        channels.startClose(channel, state, signatures, intent, signature);

        _assertBoth(channel, Messages.state(channels.domainSeparator(), id, state), signatures);
        _assertEither(channel, Messages.intent(channels.domainSeparator(), id, intent), signature);
        assert(state.sequence >= intent.minSequence && block.timestamp < intent.deadline);
    }

    function check_acceptedVoucher(Channel memory channel, uint128 paid, Signature memory signature) external {
        bytes32 id = start(channel).id;

        channels.collect(channel, paid, signature);

        bytes32 digest = Messages.voucher(channels.domainSeparator(), id, paid);
        assert(digest.isSignedBy(signature, channel.payerSigner));
    }

    /// @dev One that pays nothing new may be anybody's.
    function check_acceptedLastVoucher(
        Channel memory channel,
        uint128 paid,
        Signature memory signature) external {
        Books memory books = start(channel);

        channels.closeOneWay(channel, paid, signature);

        bool pays = Records.read(address(channels), books.id).withdrawn != books.record.withdrawn;
        bytes32 digest = Messages.voucher(channels.domainSeparator(), books.id, paid);
        assert(pays.implies(digest.isSignedBy(signature, channel.payerSigner)));
    }

    function check_acceptedWithdrawal(
        Channel memory channel,
        Withdrawal memory withdrawal,
        Signatures memory signatures
    ) external {
        bytes32 id = start(channel).id;

        channels.withdraw(channel, withdrawal, signatures);

        _assertBoth(channel, Messages.withdrawal(channels.domainSeparator(), id, withdrawal), signatures);
    }

    function check_acceptedClose(Channel memory channel, int128 paid, Signatures memory signatures) external {
        bytes32 id = start(channel).id;

        channels.close(channel, paid, signatures);

        _assertBoth(channel, Messages.close(channels.domainSeparator(), id, paid), signatures);
    }

    function check_acceptedIntent(Channel memory channel, CloseIntent memory intent, Signature memory signature)
        external
    {
        bytes32 id = start(channel).id;

        channels.startClose(channel, intent, signature);

        _assertEither(channel, Messages.intent(channels.domainSeparator(), id, intent), signature);
        assert(intent.minSequence == 0 && block.timestamp < intent.deadline);
    }

    /// @notice Digests of one type differ if any member or the channel does.
    function check_statesDiffer(bytes32 domain, bytes32 id, State memory state, bytes32 otherId, State memory other)
        external
        pure
    {
        bool equal = keccak256(abi.encode(id, state)) == keccak256(abi.encode(otherId, other));
        assert((Messages.state(domain, id, state) == Messages.state(domain, otherId, other)) == equal);
    }

    /// @notice Digests of different types differ, whatever they say and whichever channel they name.
    function check_typesDiffer(
        bytes32 domain,
        bytes32[5] memory ids,
        State memory state,
        uint128 collected,
        int128 paid,
        Withdrawal memory withdrawal,
        CloseIntent memory intent
    ) external pure {
        bytes32[5] memory digests = [
            Messages.state(domain, ids[0], state),
            Messages.voucher(domain, ids[1], collected),
            Messages.close(domain, ids[2], paid),
            Messages.withdrawal(domain, ids[3], withdrawal),
            Messages.intent(domain, ids[4], intent)
        ];
        bool distinct = true;
        for (uint256 i = 0; i < digests.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                distinct = distinct.and(digests[i] != digests[j]);
            }
        }
        assert(distinct);
    }

    function _assertBoth(Channel memory channel, bytes32 digest, Signatures memory signatures) private pure {
        assert(digest.isSignedBy(signatures.payer, channel.payerSigner));
        assert(digest.isSignedBy(signatures.payee, channel.payeeSigner));
    }

    function _assertEither(Channel memory channel, bytes32 digest, Signature memory signature) private pure {
        bool byPayer = digest.isSignedBy(signature, channel.payerSigner);
        assert(byPayer || digest.isSignedBy(signature, channel.payeeSigner));
    }
}

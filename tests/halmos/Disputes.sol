// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, Signatures, State} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsProof} from "./ChannelsProof.sol";
import {Logic} from "./Logic.sol";
import {Messages} from "./Messages.sol";
import {Records} from "./Records.sol";

/// @notice The newest state decides, whoever cannot be paid (INV-4, INV-8).
contract DisputesProof is ChannelsProof {
    using Logic for bool;
    using Messages for bytes32;

    /// @notice INV-4: in time, every co-signed state with a higher sequence is accepted, whatever it says.
    function check_newerStateIsAccepted(Channel memory channel, State memory state, Signatures memory signatures)
        external
    {
        Books memory books = start(channel);
        vm.assume(!channel.oneWay);
        vm.assume(books.record.phase == Records.CLOSING);
        vm.assume(block.timestamp < books.record.deadline);
        vm.assume(state.sequence > books.record.sequence);
        bytes32 digest = Messages.state(channels.domainSeparator(), books.id, state);
        vm.assume(digest.isSignedBy(signatures.payer, channel.payerSigner));
        vm.assume(digest.isSignedBy(signatures.payee, channel.payeeSigner));

        try channels.challenge(channel, state, signatures) {
            assert(Records.read(address(channels), books.id).sequence == state.sequence);
        } catch {
            assert(false);
        }
    }

    /// @notice INV-4: late, or with a sequence that is not higher, or without a close under way, a challenge fails.
    function check_olderOrLateStateIsRefused(Channel memory channel, State memory state, Signatures memory signatures)
        external
    {
        Books memory books = start(channel);
        bool inTime = (books.record.phase == Records.CLOSING).and(block.timestamp < books.record.deadline);
        vm.assume(!inTime.and(state.sequence > books.record.sequence));

        try channels.challenge(channel, state, signatures) {
            assert(false);
        } catch {}
    }

    /// @notice INV-4, INV-8: after the deadline a settlement succeeds, even if the token refuses one party or both, and
    ///         pays each of them, or credits, what the disputed state says.
    function check_settlementPaysTheDisputedState(Channel memory channel) external {
        Books memory books = start(channel);
        vm.assume(books.record.phase == Records.CLOSING);
        vm.assume(books.record.sequence != 0);
        vm.assume(block.timestamp >= books.record.deadline);

        try channels.settle(channel) {
            (uint256 payerGot, uint256 payeeGot) = gains(books, channel);
            assert(payerGot == books.record.payerPaid);
            assert(payeeGot == books.record.payeePaid);
        } catch {
            assert(false);
        }
    }
}

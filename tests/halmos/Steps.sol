// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Authorization,
    Channel,
    CloseIntent,
    Permit,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsProof} from "./ChannelsProof.sol";
import {Record, Records} from "./Records.sol";
import {SVM} from "./Svm.sol";

/// @notice One step of every function that acts on a single channel: conservation, growth, fixed deadlines, no way back
///         (INV-1, INV-2, INV-3, INV-4, INV-7). Together with an empty contract satisfying the invariant, this proves
///         them for histories of any length.
contract StepsProof is ChannelsProof {
    using Records for Record;

    /// @dev Where every channel begins.
    function check_emptyRecordIsValid() external pure {
        Record memory empty;

        assert(empty.isValid());
    }

    function check_deposit(Channel memory channel, bool forPayee, uint256 amount) external {
        Books memory books = start(channel);

        channels.deposit(channel, forPayee, amount);

        finish(books, channel);
    }

    function check_depositWithPermit(
        Channel memory channel,
        bool forPayee,
        uint256 amount,
        Permit memory permit) external {
        Books memory books = start(channel);

        channels.depositWithPermit(channel, forPayee, amount, permit);

        finish(books, channel);
    }

    function check_withdraw(Channel memory channel, Withdrawal memory withdrawal, Signatures memory signatures)
        external
    {
        Books memory books = start(channel);

        channels.withdraw(channel, withdrawal, signatures);

        finish(books, channel);
    }

    function check_collect(Channel memory channel, uint128 paid, Signature memory signature) external {
        Books memory books = start(channel);

        channels.collect(channel, paid, signature);

        finish(books, channel);
    }

    function check_close(Channel memory channel, int128 paid, Signatures memory signatures) external {
        Books memory books = start(channel);

        channels.close(channel, paid, signatures);

        finish(books, channel);
    }

    function check_closeOneWay(Channel memory channel, uint128 paid, Signature memory signature)
        external
    {
        Books memory books = start(channel);

        channels.closeOneWay(channel, paid, signature);

        finish(books, channel);
    }

    function check_startClose(Channel memory channel) external {
        Books memory books = start(channel);

        channels.startClose(channel);

        finish(books, channel);
    }

    function check_challenge(Channel memory channel, State memory state, Signatures memory signatures) external {
        Books memory books = start(channel);

        channels.challenge(channel, state, signatures);

        finish(books, channel);
    }

    function check_settle(Channel memory channel) external {
        Books memory books = start(channel);

        channels.settle(channel);

        finish(books, channel);
        Record memory then = Records.read(address(channels), books.id);
        assert(then.deadline == books.record.deadline && then.sequence == books.record.sequence); // INV-4
    }

    function check_startCloseWithState(
        Channel memory channel,
        State memory state,
        Signatures memory signatures) external {
        Books memory books = start(channel);

        channels.startClose(channel, state, signatures);

        finish(books, channel);
    }

    function check_startCloseByIntent(Channel memory channel, CloseIntent memory intent, Signature memory signature)
        external
    {
        Books memory books = start(channel);

        channels.startClose(channel, intent, signature);

        finish(books, channel);
    }

    function check_startCloseWithStateByIntent(
        Channel memory channel,
        State memory state,
        Signatures memory signatures,
        CloseIntent memory intent,
        Signature memory signature
    ) external {
        Books memory books = start(channel);

        channels.startClose(channel, state, signatures, intent, signature);

        finish(books, channel);
    }

    function check_depositWithAuthorization(
        Channel memory channel,
        bool forPayee,
        uint256 amount,
        Authorization memory authorization
    ) external {
        Books memory books = start(channel);

        channels.depositWithAuthorization(channel, forPayee, amount, authorization);

        finish(books, channel);
    }

    /// @dev A party of the channel takes what could not be pushed.
    function check_claim(Channel memory channel, address to) external {
        vm.assume(to != address(channels));
        Books memory books = start(channel);
        vm.assume(books.caller == PAYER || books.caller == PAYEE);

        channels.claim(address(token), to);

        finish(books, channel);
    }
}

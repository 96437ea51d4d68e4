// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, CloseIntent, Phase, Signature, Signatures, State} from "../../contracts/types/ChannelTypes.sol";

contract StartCloseByIntentTest is ChannelsTest {
    bytes32 private _id;
    CloseIntent private _intent;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
        _intent = CloseIntent(0, uint64(block.timestamp + 1 hours));
    }

    /* WITHOUT a state */

    function test_WhenEitherSignerSigned_AStrangerBeginsThePeriod() public {
        Channel memory other = salted(twoWay(), 2);
        bytes32 otherId = open(other, 100, 0);
        Signature memory byPayer = signIntent(payerSigner, twoWay(), _intent);
        Signature memory byPayee = signIntent(payeeSigner, other, _intent);
        uint40 deadline = uint40(block.timestamp + PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(_id, deadline);
        start(twoWay(), _intent, byPayer);
        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(otherId, deadline);
        start(other, _intent, byPayee);

        assertPhase(twoWay(), Phase.Closing);
        assertPhase(other, Phase.Closing);
    }

    function test_WhenOneWay_PaidIsWhatWasCollected() public {
        bytes32 id = open(oneWay(), 100, 0);
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));
        Signature memory signature = signIntent(payeeSigner, oneWay(), _intent);

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(id, uint40(block.timestamp + PERIOD));
        start(oneWay(), _intent, signature);
    }

    function test_WhenOneSecondIsLeft_ItIsAccepted() public {
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        vm.warp(_intent.deadline - 1);
        start(twoWay(), _intent, signature);
        assertPhase(twoWay(), Phase.Closing);
    }

    function test_RevertWhen_TheIntentExpired() public {
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        vm.warp(_intent.deadline);
        bytes4 selector = IChannels.IntentExpired.selector;
        refuses(twoWay(), signature, abi.encodeWithSelector(selector, _intent.deadline, _intent.deadline));
    }

    function test_RevertWhen_TheIntentWantsAState() public {
        _intent.minSequence = 1;
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        refuses(twoWay(), signature, abi.encodeWithSelector(IChannels.SequenceBelowIntent.selector, 0, 1));
    }

    /// @dev A party's own key does not sign where a session key stands in for it.
    function test_RevertWhen_SomebodyElseSigned() public {
        Signature memory signature = signIntent(payer, twoWay(), _intent);
        refuses(twoWay(), signature, abi.encodeWithSelector(IChannels.NotSigner.selector, payer.addr));
    }

    function test_RevertWhen_TheSignatureIsNone() public {
        Signature memory none;
        refuses(twoWay(), none, abi.encodeWithSelector(IChannels.NotSigner.selector, address(0)));
    }

    /// @dev INV-6.
    function test_RevertWhen_TheIntentIsForAnotherChannel() public {
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        Channel memory other = salted(twoWay(), 2);
        open(other, 100, 0);
        vm.expectPartialRevert(IChannels.NotSigner.selector);
        start(other, _intent, signature);
    }

    /// @dev INV-6.
    function test_RevertWhen_TheIntentIsForAnotherContract() public {
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        channels = deployChannels(MIN_PERIOD, MAX_PERIOD);
        fund(payer.addr);
        open(twoWay(), 100, 0);
        vm.expectPartialRevert(IChannels.NotSigner.selector);
        start(twoWay(), _intent, signature);
    }

    /// @dev An intent begins one close at most: no phase comes back.
    function test_RevertWhen_UsedTwice() public {
        Signature memory signature = signIntent(payerSigner, twoWay(), _intent);
        start(twoWay(), _intent, signature);
        refuses(twoWay(), signature, abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, _id, Phase.Closing));
    }

    function test_RevertWhen_UnknownAndWithoutSigners() public {
        Channel memory empty;
        Signature memory none;
        bytes32 id = channels.channelId(empty);
        refuses(empty, none, abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, Phase.None));
    }

    /* WITH a state */

    function test_WhenTheStateReachesTheIntent_ItBeginsWithIt() public {
        _intent.minSequence = 5;
        State memory state = lockedState(5, 30, 10, 20);

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(_id, uint40(block.timestamp + PERIOD));
        vm.expectEmit(address(channels));
        emit IChannels.Challenged(_id, state);
        startWith(state, payeeSigner);

        assertEq(viewOf(twoWay()).sequence, 5);
        assertEq(viewOf(twoWay()).payerPaid, 60);
    }

    /// @dev A relayer that holds an old state cannot use the leave to close with that.
    function test_RevertWhen_TheStateIsBelowTheIntent() public {
        _intent.minSequence = 5;
        refusesWith(stateOf(4, 30), payerSigner, abi.encodeWithSelector(IChannels.SequenceBelowIntent.selector, 4, 5));
    }

    function test_RevertWhen_WithAStateAndTheIntentExpired() public {
        vm.warp(_intent.deadline);
        bytes4 selector = IChannels.IntentExpired.selector;
        refusesWith(stateOf(4, 30), payerSigner, abi.encodeWithSelector(selector, _intent.deadline, _intent.deadline));
    }

    function test_RevertWhen_WithAStateAndSomebodyElseSigned() public {
        refusesWith(stateOf(4, 30), payee, abi.encodeWithSelector(IChannels.NotSigner.selector, payee.addr));
    }

    function test_RevertWhen_TheSequenceIsZero() public {
        refusesWith(stateOf(0, 30), payerSigner, abi.encodeWithSelector(IChannels.SequenceNotHigher.selector, 0, 0));
    }

    function test_RevertWhen_WithAStateAndNotOpen() public {
        startCloseBare(twoWay());
        bytes4 selector = IChannels.ChannelNotOpen.selector;
        refusesWith(stateOf(4, 30), payerSigner, abi.encodeWithSelector(selector, _id, Phase.Closing));
    }

    function start(Channel memory channel, CloseIntent memory intent, Signature memory signature) private {
        vm.prank(stranger);
        channels.startClose(channel, intent, signature);
    }

    function startWith(State memory state, Vm.Wallet storage signer) private {
        Signatures memory signatures = signState(twoWay(), state);
        Signature memory signature = signIntent(signer, twoWay(), _intent);
        vm.prank(stranger);
        channels.startClose(twoWay(), state, signatures, _intent, signature);
    }

    function refuses(Channel memory channel, Signature memory signature, bytes memory reason) private {
        vm.expectRevert(reason);
        start(channel, _intent, signature);
    }

    function refusesWith(State memory state, Vm.Wallet storage signer, bytes memory reason) private {
        Signatures memory signatures = signState(twoWay(), state);
        Signature memory signature = signIntent(signer, twoWay(), _intent);
        vm.expectRevert(reason);
        vm.prank(stranger);
        channels.startClose(twoWay(), state, signatures, _intent, signature);
    }
}

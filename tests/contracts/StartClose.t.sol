// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase, Signatures, State} from "../../contracts/types/ChannelTypes.sol";

contract StartCloseTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
    }

    /* WITHOUT a state */

    function test_WhenBare_ItBeginsThePeriodWithNothingPaid() public {
        uint40 deadline = uint40(block.timestamp + PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(_id, deadline);
        vm.prank(payer.addr);
        channels.startClose(twoWay());

        ChannelView memory known = viewOf(twoWay());
        assertEq(uint8(known.phase), uint8(Phase.Closing));
        assertEq(known.deadline, deadline);
        assertEq(known.sequence, 0);
        assertEq(known.payerPaid, 100);
        assertEq(known.payeePaid, 50);
    }

    function test_WhenBareAndOneWay_PaidIsWhatWasCollected() public {
        bytes32 id = open(oneWay(), 100, 0);
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(id, uint40(block.timestamp + PERIOD));
        vm.prank(payer.addr);
        channels.startClose(oneWay());

        assertEq(viewOf(oneWay()).payerPaid, 70);
        assertEq(viewOf(oneWay()).payeePaid, 0);
    }

    function test_WhenAPartyOrItsSignerCalls_ItBegins() public {
        address[4] memory callers = [payer.addr, payee.addr, payerSigner.addr, payeeSigner.addr];
        for (uint88 i = 0; i < callers.length; ++i) {
            Channel memory channel = twoWay();
            channel.salt = 10 + i;
            open(channel, 100, 0);

            vm.prank(callers[i]);
            channels.startClose(channel);

            assertPhase(channel, Phase.Closing);
        }
    }

    function test_RevertWhen_BareAndAStrangerCalls() public {
        vm.expectRevert(abi.encodeWithSelector(IChannels.NotParty.selector, stranger));
        vm.prank(stranger);
        channels.startClose(twoWay());
    }

    function test_RevertWhen_BareAndNotOpen() public {
        Channel memory unknown = twoWay();
        unknown.salt = 99;
        refusesBare(unknown, Phase.None);
        startCloseBare(twoWay());
        refusesBare(twoWay(), Phase.Closing);
        skip(PERIOD);
        channels.settle(twoWay());
        refusesBare(twoWay(), Phase.Settled);
    }

    /* WITH a state */

    function test_WhenWithAState_ItEmitsTheStateInFullAndSplitsTheMoney() public {
        State memory state = lockedState(5, 30, 10, 20);
        Signatures memory signatures = signState(twoWay(), state);
        uint40 deadline = uint40(block.timestamp + PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.ClosingStarted(_id, deadline);
        vm.expectEmit(address(channels));
        emit IChannels.Challenged(_id, state);
        vm.prank(payeeSigner.addr);
        channels.startClose(twoWay(), state, signatures);

        ChannelView memory known = viewOf(twoWay());
        assertEq(known.deadline, deadline);
        assertEq(known.sequence, 5);
        assertEq(known.payerPaid, 60);
        assertEq(known.payeePaid, 60);
        assertEq(known.payerPool, 10);
        assertEq(known.payeePool, 20);
        assertEq(known.locksRoot, state.locksRoot);
    }

    function test_WhenNothingIsLocked_NoRootIsKept() public {
        State memory state = stateOf(5, 30);
        state.locksRoot = keccak256("promises without money");

        startCloseWith(twoWay(), state);

        assertEq(viewOf(twoWay()).locksRoot, 0);
    }

    function test_RevertWhen_WithAStateAndAStrangerCalls() public {
        Signatures memory signatures = signState(twoWay(), stateOf(5, 30));
        vm.expectRevert(abi.encodeWithSelector(IChannels.NotParty.selector, stranger));
        vm.prank(stranger);
        channels.startClose(twoWay(), stateOf(5, 30), signatures);
    }

    /// @dev nitrolite's fault: credit for version 0. There is no state before the first one.
    function test_RevertWhen_TheSequenceIsZero() public {
        refuses(twoWay(), stateOf(0, 30), abi.encodeWithSelector(IChannels.SequenceNotHigher.selector, 0, 0));
    }

    function test_RevertWhen_OneWay() public {
        bytes32 id = open(oneWay(), 100, 0);
        refuses(oneWay(), stateOf(5, 30), abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
    }

    function test_RevertWhen_WithAStateAndNotOpen() public {
        bytes4 selector = IChannels.ChannelNotOpen.selector;
        startCloseBare(twoWay());
        refuses(twoWay(), stateOf(5, 30), abi.encodeWithSelector(selector, _id, Phase.Closing));
        skip(PERIOD);
        channels.settle(twoWay());
        refuses(twoWay(), stateOf(5, 30), abi.encodeWithSelector(selector, _id, Phase.Settled));
    }

    function test_RevertWhen_OneSignatureIsMissing() public {
        Signatures memory signatures = signState(twoWay(), stateOf(5, 30));
        delete signatures.payee;
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payeeSigner.addr, address(0)));
        vm.prank(payer.addr);
        channels.startClose(twoWay(), stateOf(5, 30), signatures);
    }

    function refuses(Channel memory channel, State memory state, bytes memory reason) private {
        Signatures memory signatures = signState(channel, state);
        vm.expectRevert(reason);
        vm.prank(payer.addr);
        channels.startClose(channel, state, signatures);
    }

    function refusesBare(Channel memory channel, Phase phase) private {
        bytes32 id = channels.channelId(channel);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, phase));
        vm.prank(payer.addr);
        channels.startClose(channel);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Challenge, Channel, Phase, State} from "../../contracts/types/ChannelTypes.sol";

contract ChallengeManyTest is ChannelsTest {
    Channel[] private _closing;
    uint40 private _deadline;

    function setUp() public override {
        super.setUp();
        Channel[] memory opened = openMany(twoWay(), 3);
        for (uint256 i = 0; i < opened.length; ++i) {
            _deadline = startCloseWith(opened[i], stateOf(10, 30));
            _closing.push(opened[i]);
        }
    }

    function test_WhenAllAreNewer_TheyReplaceTheStates() public {
        Challenge[] memory batch = items(stateOf(11, 40));
        for (uint256 i = 0; i < batch.length; ++i) {
            vm.expectEmit(address(channels));
            emit IChannels.Challenged(channels.channelId(_closing[i]), stateOf(11, 40));
        }
        vm.prank(stranger);
        channels.challengeMany(batch);

        for (uint256 i = 0; i < batch.length; ++i) {
            assertEq(viewOf(_closing[i]).sequence, 11);
            assertEq(viewOf(_closing[i]).payerPaid, 60);
            assertEq(viewOf(_closing[i]).deadline, _deadline);
        }
    }

    function test_WhenOneIsOld_ItIsReportedAndTheOthersStand() public {
        Challenge[] memory batch = items(stateOf(11, 40));
        batch[1] = item(_closing[1], stateOf(10, 99));
        skips(batch, 1, abi.encodeWithSelector(IChannels.SequenceNotHigher.selector, 10, 10));
    }

    function test_WhenTheSameIsThereTwice_ItStandsOnce() public {
        Challenge[] memory batch = items(stateOf(11, 40));
        batch[1] = batch[0];
        bytes32 id = channels.channelId(_closing[0]);
        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, abi.encodeWithSelector(IChannels.SequenceNotHigher.selector, 11, 11));
        channels.challengeMany(batch);
        assertEq(viewOf(_closing[0]).sequence, 11);
    }

    function test_WhenOneSignatureIsForeign_ItIsReported() public {
        Challenge[] memory batch = items(stateOf(11, 40));
        batch[1].signatures.payer = sign(payee, digest(stateHash(channels.channelId(_closing[1]), stateOf(11, 40))));
        skips(batch, 1, abi.encodeWithSelector(IChannels.InvalidSignature.selector, payerSigner.addr, payee.addr));
    }

    function test_WhenOneSignatureIsMissing_ItIsReported() public {
        Challenge[] memory batch = items(stateOf(11, 40));
        delete batch[1].signatures.payee;
        skips(batch, 1, abi.encodeWithSelector(IChannels.InvalidSignature.selector, payeeSigner.addr, address(0)));
    }

    function test_WhenOneIsNotClosing_ItIsReported() public {
        Channel memory unknown = salted(twoWay(), 99);
        Challenge[] memory batch = items(stateOf(11, 40));
        batch[1] = item(unknown, stateOf(11, 40));
        bytes4 selector = IChannels.ChannelNotClosing.selector;
        bytes32 id = channels.channelId(unknown);
        skips(batch, 1, abi.encodeWithSelector(selector, id, Phase.None));
    }

    function test_WhenOneIsOneWay_ItIsReported() public {
        bytes32 id = open(oneWay(), 100, 0);
        startCloseBare(oneWay());
        Challenge[] memory batch = items(stateOf(11, 40));
        batch[1] = item(oneWay(), stateOf(11, 40));
        skips(batch, 1, abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
    }

    function test_WhenOneDeadlineHasCome_ItIsReported() public {
        skip(1 hours);
        Channel memory later = salted(twoWay(), 99);
        open(later, 100, 0);
        startCloseBare(later);
        Challenge[] memory batch = new Challenge[](2);
        batch[0] = item(_closing[0], stateOf(11, 40));
        batch[1] = item(later, stateOf(11, 40));
        vm.warp(_deadline);
        bytes4 selector = IChannels.ChallengePeriodOver.selector;
        bytes32 id = channels.channelId(_closing[0]);

        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, abi.encodeWithSelector(selector, _deadline, _deadline));
        channels.challengeMany(batch);

        assertEq(viewOf(_closing[0]).sequence, 10);
        assertEq(viewOf(later).sequence, 11);
    }

    function skips(Challenge[] memory batch, uint256 bad, bytes memory reason) private {
        bytes32 id = channels.channelId(batch[bad].channel);
        uint64 before = channels.getChannel(id).sequence;
        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, reason);
        channels.challengeMany(batch);
        for (uint256 i = 0; i < batch.length; ++i) {
            assertEq(viewOf(batch[i].channel).sequence, i == bad ? before : 11);
        }
    }

    function items(State memory state) private returns (Challenge[] memory batch) {
        batch = new Challenge[](_closing.length);
        for (uint256 i = 0; i < batch.length; ++i) {
            batch[i] = item(_closing[i], state);
        }
    }

    function item(Channel memory channel, State memory state) private returns (Challenge memory) {
        return Challenge(channel, state, signState(channel, state));
    }
}

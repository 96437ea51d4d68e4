// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {ReenteringToken} from "./mocks/HostileTokens.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Phase} from "../../contracts/types/ChannelTypes.sol";

contract SettleManyTest is ChannelsTest {
    Channel[] private _closing;

    function setUp() public override {
        super.setUp();
        Channel[] memory opened = openMany(twoWay(), 3);
        for (uint256 i = 0; i < opened.length; ++i) {
            startCloseWith(opened[i], stateOf(10, 30));
            _closing.push(opened[i]);
        }
        skip(PERIOD);
    }

    function test_WhenTheyAreOver_BothSidesArePaidInOneTransferEach() public {
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        for (uint256 i = 0; i < _closing.length; ++i) {
            vm.expectEmit(address(channels));
            emit IChannels.Settled(channels.channelId(_closing[i]), 70, 30, 0, 0);
        }
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payer.addr, 210)), 1);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 90)), 1);
        vm.prank(stranger);
        channels.settleMany(_closing);

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 210);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 90);
        for (uint256 i = 0; i < _closing.length; ++i) {
            assertPhase(_closing[i], Phase.Settled);
        }
    }

    function test_WhenThePayeesDiffer_EachGetsItsOwn() public {
        Channel memory other = twoWay();
        other.payee = makeAddr("other payee");
        open(other, 100, 0);
        startCloseWith(other, stateOf(10, 45));
        skip(PERIOD);
        Channel[] memory batch = _closing;
        batch[1] = other;
        uint256 before = usdc.balanceOf(payee.addr);

        channels.settleMany(batch);

        assertEq(usdc.balanceOf(other.payee), 45);
        assertEq(usdc.balanceOf(payee.addr), before + 60);
    }

    function test_WhenLocksArePending_ThePoolsStay() public {
        Channel memory locked = salted(twoWay(), 99);
        open(locked, 100, 0);
        startCloseWith(locked, lockedState(10, 30, 20, 5));
        skip(PERIOD);
        Channel[] memory batch = _closing;
        batch[1] = locked;

        channels.settleMany(batch);

        assertEq(usdc.balanceOf(address(channels)), 25 + 100);
        assertEq(viewOf(locked).payerPool, 20);
        assertEq(viewOf(locked).payeePool, 5);
    }

    function test_WhenOneIsSettled_ItIsReportedAndTheOthersPay() public {
        channels.settle(_closing[1]);
        bytes32 id = channels.channelId(_closing[1]);
        skips(_closing, 1, abi.encodeWithSelector(IChannels.ChannelNotClosing.selector, id, Phase.Settled));
    }

    /// @dev INV-7.
    function test_WhenTheSameIsThereTwice_ItPaysOnce() public {
        Channel[] memory batch = _closing;
        batch[1] = batch[0];
        bytes32 id = channels.channelId(batch[0]);
        skips(batch, 1, abi.encodeWithSelector(IChannels.ChannelNotClosing.selector, id, Phase.Settled));
    }

    function test_WhenOnePeriodIsRunning_ItIsReported() public {
        Channel memory later = salted(twoWay(), 99);
        open(later, 100, 0);
        uint40 deadline = startCloseBare(later);
        Channel[] memory batch = _closing;
        batch[1] = later;
        bytes4 selector = IChannels.ChallengePeriodRunning.selector;
        skips(batch, 1, abi.encodeWithSelector(selector, deadline, block.timestamp));
        assertPhase(later, Phase.Closing);
    }

    /// @dev The fault of Raiden, Celer and Nitro: a blacklisted counterparty held the honest one up.
    function test_WhenOneSideIsBlacklisted_TheOtherIsPaid() public {
        usdc.setBlacklisted(payer.addr, true);
        uint256 before = usdc.balanceOf(payee.addr);

        channels.settleMany(_closing);

        assertEq(channels.claims(address(usdc), payer.addr), 210);
        assertEq(usdc.balanceOf(payee.addr), before + 90);
    }

    function test_WhenATokenReenters_TheInnerCallIsRefused() public {
        ReenteringToken evil = new ReenteringToken();
        evil.mint(payer.addr, 100);
        vm.prank(payer.addr);
        evil.approve(address(channels), 100);
        Channel memory foreign = twoWay();
        foreign.token = address(evil);
        open(foreign, 100, 0);
        startCloseWith(foreign, stateOf(10, 30));
        skip(PERIOD);
        Channel[] memory batch = _closing;
        batch[0] = foreign;
        evil.plant(address(channels), abi.encodeCall(channels.settleMany, (batch)));
        uint256 before = usdc.balanceOf(payee.addr);

        channels.settleMany(batch);

        assertFalse(evil.succeeded());
        assertEq(evil.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(usdc.balanceOf(payee.addr), before + 60);
    }

    function skips(Channel[] memory batch, uint256 bad, bytes memory reason) private {
        uint256 before = usdc.balanceOf(payee.addr);
        bytes32 id = channels.channelId(batch[bad]);
        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, reason);
        channels.settleMany(batch);
        assertEq(usdc.balanceOf(payee.addr), before + 60);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {ReenteringToken, VictimToken} from "./mocks/HostileTokens.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase, Signatures, State, Withdrawal} from "../../contracts/types/ChannelTypes.sol";

contract SettleTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
    }

    /* WHEN it pays */

    function test_WhenAStateWasDisputed_ItPaysBothWhoeverCalls() public {
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        startCloseWith(twoWay(), stateOf(5, 30));
        skip(PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 70, 80, 0, 0);
        vm.prank(stranger);
        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 80);
        assertPhase(twoWay(), Phase.Settled);
    }

    function test_WhenStartedBare_EverybodyGetsItsDepositBack() public {
        startCloseBare(twoWay());
        skip(PERIOD);
        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 100, 50, 0, 0);
        channels.settle(twoWay());
        assertEq(viewOf(twoWay()).payerPaid, 100);
        assertEq(viewOf(twoWay()).payeePaid, 50);
    }

    function test_WhenBareAndOneSideWithdrewTheOthersDeposit_ItPaysWhatIsLeft() public {
        Withdrawal memory withdrawal = Withdrawal(120, 0, uint64(block.timestamp + 1));
        channels.withdraw(twoWay(), withdrawal, signWithdrawal(twoWay(), withdrawal));

        startCloseBare(twoWay());
        skip(PERIOD);
        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 0, 30, 0, 0);
        channels.settle(twoWay());
    }

    function test_WhenOneWay_ThePayerGetsWhatWasNotCollected() public {
        bytes32 id = open(oneWay(), 100, 0);
        startCloseBare(oneWay());
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));
        skip(PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.Settled(id, 70, 0, 0, 0);
        channels.settle(oneWay());
    }

    function test_WhenLocksArePending_TheirMoneyStaysInThePools() public {
        startCloseWith(twoWay(), lockedState(5, 30, 10, 20));
        skip(PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 60, 60, 10, 20);
        channels.settle(twoWay());

        ChannelView memory known = viewOf(twoWay());
        assertEq(known.payerPool, 10);
        assertEq(known.payeePool, 20);
        assertEq(known.locksRoot, keccak256("locks"));
        assertEq(usdc.balanceOf(address(channels)), 30);
    }

    /// @dev A deposit may have vanished in a reorg; a refusal would let an older close win.
    function test_WhenTheStatePaysMoreThanThereIs_ItPaysWhatThereIs() public {
        startCloseWith(twoWay(), stateOf(5, type(int128).max));
        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 0, 150, 0, 0);
        skip(PERIOD);
        channels.settle(twoWay());
    }

    function test_WhenTheStatePaysLessThanThereIs_ItPaysWhatThereIs() public {
        startCloseWith(twoWay(), stateOf(5, type(int128).min));
        vm.expectEmit(address(channels));
        emit IChannels.Settled(_id, 150, 0, 0, 0);
        skip(PERIOD);
        channels.settle(twoWay());
    }

    /// @dev INV-4: the newest state submitted in time decides, and nobody gains by an older one.
    function test_WhenAStaleCloseWasAnswered_TheNewestStateDecides() public {
        uint256 payeeBefore = usdc.balanceOf(payee.addr);
        startCloseWith(twoWay(), stateOf(10, 1));
        State memory newest = stateOf(1000, 100);
        Signatures memory signatures = signState(twoWay(), newest);
        vm.prank(stranger);
        channels.challenge(twoWay(), newest, signatures);
        skip(PERIOD);

        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 150);
    }

    /* WHEN a payout fails (INV-8) */

    /// @dev Raiden's, Celer's and Nitro's fault: a blacklisted counterparty blocked settlement.
    function test_WhenOneReceiverIsBlacklisted_TheOtherIsPaid() public {
        usdc.setBlacklisted(payer.addr, true);
        uint256 before = usdc.balanceOf(payee.addr);
        startCloseWith(twoWay(), stateOf(5, 30));
        skip(PERIOD);

        vm.expectEmit(address(channels));
        emit IChannels.ClaimRecorded(address(usdc), payer.addr, 70);
        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payee.addr), before + 80);
        assertEq(channels.claims(address(usdc), payer.addr), 70);
        assertEq(usdc.balanceOf(address(channels)), 70);
    }

    function test_WhenTheTokenIsPaused_BothGetClaims() public {
        startCloseWith(twoWay(), stateOf(5, 30));
        skip(PERIOD);
        usdc.setPaused(true);

        channels.settle(twoWay());

        assertEq(channels.claims(address(usdc), payer.addr), 70);
        assertEq(channels.claims(address(usdc), payee.addr), 80);
    }

    function test_WhenATransferFailsInAnyManner_TheOtherIsPaid() public {
        for (uint8 manner = 1; manner <= uint8(type(VictimToken.Manner).max); ++manner) {
            (VictimToken token, Channel memory channel) = withVictimToken(manner);
            startCloseWith(channel, stateOf(5, 30));
            skip(PERIOD);

            // A block's worth of gas: the 64th part that a gas burner leaves still records the claim.
            channels.settle{gas: 30_000_000}(channel);

            assertEq(token.balanceOf(payee.addr), 30, "the other side");
            assertEq(channels.claims(address(token), payer.addr), 70, "the victim's claim");
        }
    }

    function test_WhenTheTokenReenters_TheInnerCallIsRefused() public {
        ReenteringToken token = new ReenteringToken();
        token.mint(payer.addr, 100);
        vm.prank(payer.addr);
        token.approve(address(channels), 100);
        Channel memory channel = twoWay();
        channel.token = address(token);
        open(channel, 100, 0);
        startCloseWith(channel, stateOf(5, 30));
        skip(PERIOD);
        token.plant(address(channels), abi.encodeCall(channels.settle, (channel)));

        channels.settle(channel);

        assertFalse(token.succeeded());
        assertEq(token.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(token.balanceOf(payer.addr), 70);
        assertEq(token.balanceOf(payee.addr), 30);
    }

    /* WHEN it refuses */

    function test_RevertWhen_ThePeriodRuns() public {
        uint40 deadline = startCloseBare(twoWay());
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChallengePeriodRunning.selector, deadline, deadline - 1));
        channels.settle(twoWay());
    }

    function test_WhenExactlyAtTheDeadline_ItPays() public {
        uint40 deadline = startCloseBare(twoWay());
        vm.warp(deadline);
        channels.settle(twoWay());
        assertPhase(twoWay(), Phase.Settled);
    }

    /// @dev INV-7.
    function test_RevertWhen_NotClosing() public {
        Channel memory channel = twoWay();
        channel.salt = 99;
        bytes4 selector = IChannels.ChannelNotClosing.selector;
        bytes memory reason = abi.encodeWithSelector(selector, channels.channelId(channel), Phase.None);
        vm.expectRevert(reason);
        channels.settle(channel);

        vm.expectRevert(abi.encodeWithSelector(selector, _id, Phase.Open));
        channels.settle(twoWay());

        settled(twoWay());
        vm.expectRevert(abi.encodeWithSelector(selector, _id, Phase.Settled));
        channels.settle(twoWay());
    }

    function withVictimToken(uint8 manner) private returns (VictimToken token, Channel memory channel) {
        token = new VictimToken();
        token.mint(payer.addr, 100);
        vm.prank(payer.addr);
        token.approve(address(channels), 100);
        channel = twoWay();
        channel.token = address(token);
        open(channel, 100, 0);
        token.setManner(VictimToken.Manner(manner), payer.addr);
    }
}

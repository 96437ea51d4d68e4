// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Phase, Signatures, Withdrawal} from "../../contracts/types/ChannelTypes.sol";

contract WithdrawTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
    }

    /* WHEN it pays */

    function test_WhenBothTotalsRise_ItPaysBoth() public {
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        Signatures memory signatures = signWithdrawal(twoWay(), withdrawal);

        vm.expectEmit(address(channels));
        emit IChannels.Withdrawn(_id, 30, 20);
        vm.prank(stranger);
        channels.withdraw(twoWay(), withdrawal, signatures);

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 30);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 20);
        assertEq(viewOf(twoWay()).payerWithdrawn, 30);
        assertEq(viewOf(twoWay()).payeeWithdrawn, 20);
        assertPhase(twoWay(), Phase.Open);
    }

    function test_WhenOneTotalIsLower_ItStaysAndTheOtherRises() public {
        withdraw(withdrawalOf(30, 20));
        uint256 payerBefore = usdc.balanceOf(payer.addr);

        withdraw(withdrawalOf(10, 60));

        assertEq(viewOf(twoWay()).payerWithdrawn, 30);
        assertEq(viewOf(twoWay()).payeeWithdrawn, 60);
        assertEq(usdc.balanceOf(payer.addr), payerBefore);
    }

    function test_WhenOnlyThePayerDeposited_ThePayeeCanWithdrawAndItCounts() public {
        Channel memory channel = twoWay();
        channel.salt = 2;
        bytes32 id = open(channel, 100, 0);
        Withdrawal memory withdrawal = withdrawalOf(0, 40);
        Signatures memory signatures = signWithdrawal(channel, withdrawal);
        Signatures memory closing = signClose(channel, 50);

        vm.expectEmit(address(channels));
        emit IChannels.Withdrawn(id, 0, 40);
        channels.withdraw(channel, withdrawal, signatures);

        assertEq(viewOf(channel).payeeWithdrawn, 40);
        vm.expectRevert(abi.encodeWithSelector(IChannels.NothingToWithdraw.selector, 0, 40, 0, 40));
        channels.withdraw(channel, withdrawal, signatures);
        vm.expectEmit(address(channels));
        emit IChannels.Closed(id, 50, 10);
        channels.close(channel, 50, closing);
    }

    function test_WhenOneSideTakesBothDeposits_ItIsPaid() public {
        uint256 before = usdc.balanceOf(payee.addr);

        withdraw(withdrawalOf(0, 150));

        assertEq(usdc.balanceOf(payee.addr), before + 150);
        assertEq(usdc.balanceOf(address(channels)), 0);
    }

    function test_WhenOneSecondIsLeft_ItPays() public {
        Withdrawal memory withdrawal = withdrawalOf(30, 0);
        vm.warp(withdrawal.deadline - 1);

        withdraw(withdrawal);

        assertEq(viewOf(twoWay()).payerWithdrawn, 30);
    }

    /// @dev A withdrawal does not make a signed state stale: balances are computed from absolute totals.
    function test_WhenAStateWasSignedBefore_ItStillSettlesExactly() public {
        withdraw(withdrawalOf(30, 0));
        uint256 payerBefore = usdc.balanceOf(payer.addr);
        uint256 payeeBefore = usdc.balanceOf(payee.addr);

        startCloseWith(twoWay(), stateOf(5, 60));
        skip(PERIOD);
        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 100 - 30 - 60);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 50 + 60);
    }

    function test_WhenAReceiverIsBlacklisted_TheOtherIsPaid() public {
        usdc.setBlacklisted(payer.addr, true);
        uint256 before = usdc.balanceOf(payee.addr);

        withdraw(withdrawalOf(30, 20));

        assertEq(usdc.balanceOf(payee.addr), before + 20);
        assertEq(channels.claims(address(usdc), payer.addr), 30);
    }

    /* WHEN it refuses */

    /// @dev Perun's fault: a withdrawal authorisation worked twice.
    function test_RevertWhen_Replayed() public {
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        withdraw(withdrawal);
        refuses(withdrawal, abi.encodeWithSelector(IChannels.NothingToWithdraw.selector, 30, 20, 30, 20));
    }

    function test_RevertWhen_NeitherTotalRises() public {
        withdraw(withdrawalOf(30, 20));
        refuses(withdrawalOf(29, 0), abi.encodeWithSelector(IChannels.NothingToWithdraw.selector, 29, 0, 30, 20));
    }

    function test_RevertWhen_TheSumExceedsBothDeposits() public {
        bytes4 selector = IChannels.WithdrawalExceedsDeposits.selector;
        refuses(withdrawalOf(100, 51), abi.encodeWithSelector(selector, 151, 150));
        withdraw(withdrawalOf(100, 0));
        refuses(withdrawalOf(0, 51), abi.encodeWithSelector(selector, 151, 150));
        uint128 huge = type(uint128).max;
        refuses(withdrawalOf(huge, huge), abi.encodeWithSelector(selector, 2 * uint256(huge), 150));
    }

    function test_RevertWhen_ItsDeadlineHasCome() public {
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        vm.warp(withdrawal.deadline);
        refuses(
            withdrawal,
            abi.encodeWithSelector(IChannels.WithdrawalExpired.selector, withdrawal.deadline, block.timestamp)
        );
    }

    function test_RevertWhen_ASignatureIsMissing() public {
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        Signatures memory signatures = signWithdrawal(twoWay(), withdrawal);
        signatures.payee = signatures.payer;
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payeeSigner.addr, payerSigner.addr));
        channels.withdraw(twoWay(), withdrawal, signatures);
    }

    function test_RevertWhen_AFigureWasChanged() public {
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        Signatures memory signatures = signWithdrawal(twoWay(), withdrawal);
        withdrawal.payerTotal = 31;
        vm.expectPartialRevert(IChannels.InvalidSignature.selector);
        channels.withdraw(twoWay(), withdrawal, signatures);
    }

    function test_RevertWhen_SignedForAnotherChannel() public {
        Channel memory other = twoWay();
        other.salt = 2;
        open(other, 100, 0);
        Withdrawal memory withdrawal = withdrawalOf(30, 20);
        Signatures memory signatures = signWithdrawal(other, withdrawal);
        vm.expectPartialRevert(IChannels.InvalidSignature.selector);
        channels.withdraw(twoWay(), withdrawal, signatures);
    }

    function test_RevertWhen_TheChannelIsOneWay() public {
        bytes32 id = open(oneWay(), 100, 0);
        Withdrawal memory withdrawal = withdrawalOf(30, 0);
        Signatures memory signatures = signWithdrawal(oneWay(), withdrawal);
        vm.expectRevert(abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
        channels.withdraw(oneWay(), withdrawal, signatures);
    }

    function test_RevertWhen_NotOpen() public {
        Channel memory unknown = twoWay();
        unknown.salt = 99;
        Withdrawal memory withdrawal = Withdrawal(30, 20, uint64(block.timestamp + 365 days));
        Signatures memory signatures = signWithdrawal(twoWay(), withdrawal);
        bytes4 selector = IChannels.ChannelNotOpen.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, channels.channelId(unknown), Phase.None));
        channels.withdraw(unknown, withdrawal, signatures);

        startCloseBare(twoWay());
        refuses(withdrawal, abi.encodeWithSelector(selector, _id, Phase.Closing));
        skip(PERIOD);
        channels.settle(twoWay());
        refuses(withdrawal, abi.encodeWithSelector(selector, _id, Phase.Settled));
    }

    function withdrawalOf(uint128 payerTotal, uint128 payeeTotal) private view returns (Withdrawal memory) {
        return Withdrawal(payerTotal, payeeTotal, uint64(block.timestamp + 1 hours));
    }

    function withdraw(Withdrawal memory withdrawal) private {
        channels.withdraw(twoWay(), withdrawal, signWithdrawal(twoWay(), withdrawal));
    }

    function refuses(Withdrawal memory withdrawal, bytes memory reason) private {
        Signatures memory signatures = signWithdrawal(twoWay(), withdrawal);
        vm.expectRevert(reason);
        channels.withdraw(twoWay(), withdrawal, signatures);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Phase, Signature} from "../../contracts/types/ChannelTypes.sol";

contract CollectTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(oneWay(), 100, 0);
    }

    /* WHEN it pays */

    function test_WhenOpen_ItPaysThePayeeWhoeverCalls() public {
        uint256 before = usdc.balanceOf(payee.addr);
        Signature memory signature = signVoucher(oneWay(), 30);

        vm.expectEmit(address(channels));
        emit IChannels.Collected(_id, 30);
        vm.prank(stranger);
        channels.collect(oneWay(), 30, signature);

        assertEq(usdc.balanceOf(payee.addr), before + 30);
        assertEq(viewOf(oneWay()).payeeWithdrawn, 30);
        assertEq(viewOf(oneWay()).payerWithdrawn, 0);
    }

    function test_WhenCollectedBefore_ItPaysTheDifference() public {
        collect(30);
        uint256 before = usdc.balanceOf(payee.addr);

        collect(45);

        assertEq(usdc.balanceOf(payee.addr), before + 15);
    }

    /// @dev INV-10: what was really paid is recorded, never the voucher's figure, so a top-up satisfies the rest.
    function test_WhenTheVoucherExceedsTheDeposit_ItPaysWhatIsThereAndLaterTheRest() public {
        uint256 before = usdc.balanceOf(payee.addr);
        collect(130);
        assertEq(usdc.balanceOf(payee.addr), before + 100);
        assertEq(viewOf(oneWay()).payeeWithdrawn, 100);

        depositFrom(payer.addr, oneWay(), false, 50);
        collect(130);
        assertEq(usdc.balanceOf(payee.addr), before + 130);
        assertEq(viewOf(oneWay()).payeeWithdrawn, 130);
    }

    function test_WhenTheVoucherIsTheLargestFigure_ItPaysTheDeposit() public {
        collect(type(uint128).max);
        assertEq(viewOf(oneWay()).payeeWithdrawn, 100);
    }

    function test_WhenClosingBeforeTheDeadline_ItPays() public {
        uint40 deadline = startCloseBare(oneWay());
        vm.warp(deadline - 1);

        collect(30);

        assertEq(viewOf(oneWay()).payeeWithdrawn, 30);
        assertEq(viewOf(oneWay()).payerPaid, 70);
    }

    function test_WhenThePayeeIsBlacklisted_AClaimIsRecorded() public {
        usdc.setBlacklisted(payee.addr, true);

        vm.expectEmit(address(channels));
        emit IChannels.ClaimRecorded(address(usdc), payee.addr, 30);
        collect(30);

        assertEq(channels.claims(address(usdc), payee.addr), 30);
    }

    /* WHEN it refuses */

    /// @dev INV-10.
    function test_RevertWhen_TheVoucherWasCollected() public {
        collect(30);
        refuses(30, abi.encodeWithSelector(IChannels.NothingToCollect.selector, 30, 30, 100));
        refuses(29, abi.encodeWithSelector(IChannels.NothingToCollect.selector, 29, 30, 100));
        refuses(0, abi.encodeWithSelector(IChannels.NothingToCollect.selector, 0, 30, 100));
    }

    function test_RevertWhen_TheDepositIsUsedUp() public {
        collect(130);
        refuses(140, abi.encodeWithSelector(IChannels.NothingToCollect.selector, 140, 100, 100));
    }

    function test_RevertWhen_TheDeadlineHasCome() public {
        uint40 deadline = startCloseBare(oneWay());
        vm.warp(deadline);
        refuses(30, abi.encodeWithSelector(IChannels.ChallengePeriodOver.selector, deadline, deadline));
    }

    function test_RevertWhen_Settled() public {
        settled(oneWay());
        refuses(30, abi.encodeWithSelector(IChannels.ChannelNotActive.selector, _id, Phase.Settled));
    }

    function test_RevertWhen_Unknown() public {
        Channel memory channel = oneWay();
        channel.salt = 99;
        Signature memory signature = signVoucher(channel, 30);
        bytes32 id = channels.channelId(channel);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelNotActive.selector, id, Phase.None));
        channels.collect(channel, 30, signature);
    }

    function test_RevertWhen_TheChannelIsTwoWay() public {
        bytes32 id = open(twoWay(), 100, 0);
        Signature memory signature = signVoucher(twoWay(), 30);
        vm.expectRevert(abi.encodeWithSelector(IChannels.TwoWayChannel.selector, id));
        channels.collect(twoWay(), 30, signature);
    }

    function test_RevertWhen_NotSignedByThePayersSigner() public {
        Signature memory signature = sign(payeeSigner, digest(voucherHash(_id, 30)));
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payerSigner.addr, payeeSigner.addr));
        channels.collect(oneWay(), 30, signature);
    }

    /// @dev A session key stands in for the party: the party's own key does not sign then.
    function test_RevertWhen_SignedByThePayerItself() public {
        Signature memory signature = sign(payer, digest(voucherHash(_id, 30)));
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payerSigner.addr, payer.addr));
        channels.collect(oneWay(), 30, signature);
    }

    function collect(uint128 paid) private {
        channels.collect(oneWay(), paid, signVoucher(oneWay(), paid));
    }

    function refuses(uint128 paid, bytes memory reason) private {
        Signature memory signature = signVoucher(oneWay(), paid);
        vm.expectRevert(reason);
        channels.collect(oneWay(), paid, signature);
    }
}

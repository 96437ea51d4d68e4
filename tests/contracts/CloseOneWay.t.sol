// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase, Signature} from "../../contracts/types/ChannelTypes.sol";

contract CloseOneWayTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(oneWay(), 100, 0);
    }

    /* WHEN it closes */

    function test_WhenThePayeeCalls_ItCollectsAndReturnsTheRest() public {
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        Signature memory signature = signVoucher(oneWay(), 30);

        vm.expectEmit(address(channels));
        emit IChannels.Collected(_id, 30);
        vm.expectEmit(address(channels));
        emit IChannels.Closed(_id, 70, 0);
        vm.prank(payee.addr);
        channels.closeOneWay(oneWay(), 30, signature);

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 30);
        ChannelView memory known = viewOf(oneWay());
        assertEq(uint8(known.phase), uint8(Phase.Settled));
        assertEq(known.payeeWithdrawn, 30);
        assertEq(known.deadline, 0);
    }

    function test_WhenThePayeesSignerCalls_ItCloses() public {
        close(payeeSigner.addr, 30);
        assertPhase(oneWay(), Phase.Settled);
    }

    function test_WhenCollectedBefore_ItPaysTheDifference() public {
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));
        uint256 before = usdc.balanceOf(payee.addr);

        close(payee.addr, 45);

        assertEq(usdc.balanceOf(payee.addr), before + 15);
    }

    function test_WhenTheVoucherWasCollected_ItsSignatureIsNotRead() public {
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));
        Channel memory channel = oneWay();
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        Signature memory none;

        vm.recordLogs();
        vm.prank(payee.addr);
        channels.closeOneWay(channel, 30, none);

        assertEq(vm.getRecordedLogs()[0].topics[0], IChannels.Closed.selector, "nothing collected");
        assertEq(usdc.balanceOf(payer.addr), payerBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore);
        assertEq(viewOf(channel).payeeWithdrawn, 30);
    }

    /// @dev The fault of ERC-8190's draft: a close below what was claimed drew on other people's deposits.
    function test_WhenTheVoucherIsBelowWhatWasCollected_NobodyElsePays() public {
        channels.collect(oneWay(), 60, signVoucher(oneWay(), 60));
        uint256 before = usdc.balanceOf(payer.addr);

        close(payee.addr, 10);

        assertEq(usdc.balanceOf(payer.addr), before + 40);
        assertEq(viewOf(oneWay()).payeeWithdrawn, 60);
        assertEq(usdc.balanceOf(address(channels)), 0);
    }

    function test_WhenTheVoucherExceedsTheDeposit_ThePayeeGetsItAll() public {
        uint256 before = usdc.balanceOf(payee.addr);
        close(payee.addr, type(uint128).max);
        assertEq(usdc.balanceOf(payee.addr), before + 100);
    }

    function test_WhenClosingBeforeTheDeadline_ItEndsThePeriod() public {
        uint40 deadline = startCloseBare(oneWay());
        vm.warp(deadline - 1);

        close(payee.addr, 30);

        assertPhase(oneWay(), Phase.Settled);
        assertEq(viewOf(oneWay()).deadline, 0);
        assertEq(viewOf(oneWay()).payerPaid, 0);
    }

    function test_WhenOneIsBlacklisted_TheOtherIsPaid() public {
        usdc.setBlacklisted(payer.addr, true);
        uint256 before = usdc.balanceOf(payee.addr);

        close(payee.addr, 30);

        assertEq(usdc.balanceOf(payee.addr), before + 30);
        assertEq(channels.claims(address(usdc), payer.addr), 70);
    }

    /* WHEN it refuses */

    /// @dev The payer would end a channel under the payee's newest voucher.
    function test_RevertWhen_SomebodyElseCalls() public {
        address[3] memory callers = [payer.addr, payerSigner.addr, stranger];
        for (uint256 i = 0; i < callers.length; ++i) {
            refuses(callers[i], oneWay(), abi.encodeWithSelector(IChannels.NotPayee.selector, callers[i]));
        }
    }

    function test_RevertWhen_NotSignedByThePayersSigner() public {
        Signature memory signature = sign(payeeSigner, digest(voucherHash(_id, 30)));
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payerSigner.addr, payeeSigner.addr));
        vm.prank(payee.addr);
        channels.closeOneWay(oneWay(), 30, signature);
    }

    function test_RevertWhen_TheChannelIsTwoWay() public {
        bytes32 id = open(twoWay(), 100, 0);
        refuses(payee.addr, twoWay(), abi.encodeWithSelector(IChannels.TwoWayChannel.selector, id));
    }

    function test_RevertWhen_TheDeadlineHasCome() public {
        uint40 deadline = startCloseBare(oneWay());
        vm.warp(deadline);
        bytes4 selector = IChannels.ChallengePeriodOver.selector;
        refuses(payee.addr, oneWay(), abi.encodeWithSelector(selector, deadline, deadline));
    }

    function test_RevertWhen_Settled() public {
        close(payee.addr, 30);
        bytes4 selector = IChannels.ChannelNotActive.selector;
        refuses(payee.addr, oneWay(), abi.encodeWithSelector(selector, _id, Phase.Settled));
    }

    function test_RevertWhen_Unknown() public {
        Channel memory unknown = salted(oneWay(), 99);
        bytes32 id = channels.channelId(unknown);
        bytes4 selector = IChannels.ChannelNotActive.selector;
        refuses(payee.addr, unknown, abi.encodeWithSelector(selector, id, Phase.None));
    }

    function close(address caller, uint128 paid) private {
        Signature memory signature = signVoucher(oneWay(), paid);
        vm.prank(caller);
        channels.closeOneWay(oneWay(), paid, signature);
    }

    function refuses(address caller, Channel memory channel, bytes memory reason) private {
        Signature memory signature = signVoucher(channel, 30);
        vm.expectRevert(reason);
        vm.prank(caller);
        channels.closeOneWay(channel, 30, signature);
    }
}
